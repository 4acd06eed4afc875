"""The upgrade of a weak hash at a login: once, without an effect on the login or on a change by an administrator."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier, Event
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from database.engine import begin_statement
from database.user_editor import UserEditor
from database.user_table import UserTable
from passwords.hashing import CAPACITY
from passwords.schemes import needs_rehash
from tests.conftest import new_database
from tests.servers.process import wait_until
from tests.support.hash_pool import fill_hash_pool
from tests.support.hash_samples import LONG_BCRYPT, LONG_PASSWORD, SAMPLES
from tests.support.sessions import (
    Tokens,
    client_of,
    guard_error,
    log_in,
    refresh,
    send_login,
    send_refresh,
    tokens_in,
)
from tests.support.statement_hooks import call_before_statement
from tests.support.stored_hashes import has_policy_cost, store_hash, stored_zoe
from tests.support.stores import engine_of, hashed, user_table
from tests.support.users import ZOE, SampleUser

WEAK = next(sample.stored for sample in SAMPLES if sample.scheme == "bcrypt")
ADMIN_SET_HASH = hashed("the password that an admin has set")


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    """Return the environment of a new database in which Zoé has a weak hash."""
    return user_table(migrated_database, [ZOE], lambda _: WEAK)


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return client_of(environ)


def with_password(password: str) -> SampleUser:
    """Return Zoé with another password."""
    return replace(ZOE, password=password)


def log_in_without_upgrade(client: FlaskClient) -> Tokens:
    """Log in while the hash cannot be upgraded, for example because the hash queue is full."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("passwords.hashing.needs_rehash", lambda *_: False)
        return log_in(client)


def test_upgrade_keeps_sessions_and_the_version_of_the_user(client: FlaskClient, environ: dict[str, str]) -> None:
    tokens = log_in_without_upgrade(client)
    before = stored_zoe(environ)
    log_in(client)
    after = stored_zoe(environ)
    assert has_policy_cost(after.password_hash)
    assert (after.version, after.updated_at, after.created_at) == (before.version, before.updated_at, before.created_at)
    assert guard_error(client, tokens.access) == ""
    assert send_refresh(client, tokens.refresh).status_code == 200
    history = UserTable(engine_of(environ)).history(ZOE.username)
    assert [one.action for one in history] == ["user_added"]


def test_upgrade_keeps_no_session_of_a_former_password(client: FlaskClient, environ: dict[str, str]) -> None:
    former = with_password("the former password")
    store_hash(environ, hashed(former.password))
    tokens = log_in(client, former)
    store_hash(environ, WEAK)
    log_in(client)
    assert send_refresh(client, tokens.refresh).status_code == 400


@pytest.mark.parametrize("next_statement", ["SELECT latchkey_users.", "UPDATE latchkey_sessions"])
def test_upgrade_during_a_refresh_ends_no_session(client: FlaskClient, next_statement: str) -> None:
    tokens = log_in_without_upgrade(client)
    with call_before_statement(next_statement, partial(log_in, client.application.test_client())):
        tokens = refresh(client, tokens)
    refresh(client, tokens)


def test_upgrade_during_another_login_ends_no_session(client: FlaskClient) -> None:
    other = client.application.test_client()
    with call_before_statement("UPDATE latchkey_users", partial(log_in, other)):
        tokens = log_in(client)
    refresh(client, tokens)


def test_time_of_a_login_is_recorded_once_an_hour(client: FlaskClient, environ: dict[str, str]) -> None:
    assert stored_zoe(environ).last_login_at is None
    recorded = []
    with time_machine.travel("2031-05-05T10:00:00Z", tick=False) as clock:
        for passed in (timedelta(), timedelta(minutes=59), timedelta(minutes=1), timedelta(seconds=1)):
            clock.shift(passed)
            log_in(client)
            recorded.append(f"{stored_zoe(environ).last_login_at:%H:%M:%S}")
            assert send_login(client, with_password("wrong")).status_code == 400
    assert recorded == ["10:00:00", "10:00:00", "10:00:00", "11:00:01"]


def test_upgrade_is_not_delayed_by_a_login_within_the_hour(client: FlaskClient, environ: dict[str, str]) -> None:
    log_in(client)
    store_hash(environ, WEAK)
    log_in(client)
    assert has_policy_cost(stored_zoe(environ).password_hash)


def test_login_without_an_upgrade_changes_only_the_login_time(client: FlaskClient, environ: dict[str, str]) -> None:
    store_hash(environ, LONG_BCRYPT)
    before = stored_zoe(environ)
    assert send_login(client, with_password(LONG_PASSWORD)).status_code == 200
    after = stored_zoe(environ)
    assert after.last_login_at is not None
    assert (after.version, after.updated_at, after.password_hash) == (before.version, before.updated_at, LONG_BCRYPT)


@pytest.mark.parametrize("moment", ["before the hash is computed", "before it is written"])
def test_password_that_an_admin_sets_during_the_login_is_kept(
    client: FlaskClient, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def set_password() -> None:
        UserEditor(engine_of(environ), "tests").set_password(ZOE.username, ADMIN_SET_HASH)

    with ExitStack() as stack:
        if moment == "before it is written":
            stack.enter_context(call_before_statement("UPDATE latchkey_users", set_password))
        else:
            monkeypatch.setattr("passwords.hashing.needs_rehash", _after(set_password, needs_rehash))
        assert send_login(client).status_code == 400  # the new password ends the login that is in progress
    assert stored_zoe(environ).password_hash == ADMIN_SET_HASH
    assert stored_zoe(environ).last_login_at is None


def _after(action: Callable[[], object], then: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: object) -> Any:
        action()
        return then(*arguments)

    return both


def test_login_waits_for_an_open_transaction_of_an_admin(postgres: str) -> None:
    environ = user_table(new_database(postgres, "admin_at_work"), [ZOE], lambda _: WEAK)
    client, engine = client_of(environ), engine_of(environ)
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND starts_with(query, 'UPDATE latchkey_users')"
    )
    # In one transaction, the observer would see the same state each time.
    with ThreadPoolExecutor(1) as threads, begin_statement(engine) as observer, engine.connect() as admin:
        admin.exec_driver_sql("UPDATE latchkey_users SET password_hash = %s", (ADMIN_SET_HASH,))
        login = threads.submit(send_login, client)
        wait_until(lambda: observer.execute(waiting).fetchone() == (1,))
        admin.commit()
        tokens = tokens_in(login.result(60))
    assert stored_zoe(environ).password_hash == ADMIN_SET_HASH
    assert send_refresh(client, tokens.refresh).status_code == 400  # its password is no longer that of the user


def test_one_of_several_concurrent_logins_upgrades_the_hash(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    barrier, written = Barrier(4), []
    clients = [client.application.test_client() for _ in range(4)]

    def meet(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith("UPDATE latchkey_users"):
            barrier.wait(60)

    def count(_connection: object, cursor: Any, text: str, *_: object) -> None:
        if text.startswith("UPDATE latchkey_users"):
            written.append(cursor.rowcount)

    with (
        _listening("before_cursor_execute", meet),
        _listening("after_cursor_execute", count),
        ThreadPoolExecutor(4) as threads,
    ):
        granted = [*threads.map(log_in, clients)]
    assert sorted(written) == [0, 0, 0, 1]
    assert caplog.text.count("a weak password hash was upgraded") == 1
    assert has_policy_cost(stored_zoe(environ).password_hash)
    for tokens in granted:
        refresh(client, tokens)


@contextmanager
def _listening(moment: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(Engine, moment, listener)
    yield
    event.remove(Engine, moment, listener)


def test_login_succeeds_without_an_upgrade_if_the_hash_queue_is_full(
    client: FlaskClient, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Event()
    with ThreadPoolExecutor(CAPACITY + 1) as threads, monkeypatch.context() as full:
        filling = partial(fill_hash_pool, threads, gate)
        full.setattr("passwords.hashing.needs_rehash", _after(filling, needs_rehash))
        response = send_login(client)
        gate.set()
    assert response.status_code == 200
    assert "a login could not be recorded: Overloaded" in caplog.text
    assert stored_zoe(environ).password_hash == WEAK
    log_in(client)
    assert has_policy_cost(stored_zoe(environ).password_hash)
