"""The upgrade of a weaker hash: once, by itself, and never in the way of the login or of an admin."""

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

from database.user_editor import UserEditor
from database.user_table import UserTable
from passwords.hashing import CAPACITY
from passwords.schemes import needs_rehash
from tests.conftest import new_database
from tests.providers.test_passwords import _fill
from tests.servers.process import wait_until
from tests.support.hash_samples import LONG_BCRYPT, LONG_PASSWORD, SAMPLES
from tests.support.sessions import ask_to_log_in, ask_to_refresh, client_of, log_in, shown
from tests.support.statement_hooks import call_at_statement
from tests.support.stored_hashes import is_policys, put, zoe
from tests.support.stores import engine_of, hashed, user_table
from tests.support.users import ZOE, SampleUser

WEAK = next(sample.stored for sample in SAMPLES if sample.scheme == "bcrypt")
ADMINS = hashed("the password that an admin has set")


@pytest.fixture
def environ(empty_database: str) -> dict[str, str]:
    """The environment of a new database in which Zoé has a weak hash."""
    return user_table(empty_database, [ZOE], lambda _: WEAK)


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return client_of(environ)


def with_password(password: str) -> SampleUser:
    """Return Zoé with another password."""
    return replace(ZOE, password=password)


def test_an_upgrade_ends_no_session_and_is_no_change_of_the_user(client: FlaskClient, environ: dict[str, str]) -> None:
    put(environ, hashed(ZOE.password))
    tokens = log_in(client)
    put(environ, WEAK)
    before = zoe(environ)
    log_in(client)
    after = zoe(environ)
    assert is_policys(after.password_hash)
    assert (after.version, after.updated_at, after.created_at) == (before.version, before.updated_at, before.created_at)
    assert shown(client, tokens.access) == ""
    assert ask_to_refresh(client, tokens.refresh).status_code == 200
    history = UserTable(engine_of(environ)).history(ZOE.username)
    assert [one.action for one in history] == ["user_added"]


def test_logins_are_noted_once_an_hour(client: FlaskClient, environ: dict[str, str]) -> None:
    assert zoe(environ).last_login_at is None
    noted = []
    with time_machine.travel("2031-05-05T10:00:00Z", tick=False) as clock:
        for passed in (timedelta(), timedelta(minutes=59), timedelta(minutes=1), timedelta(seconds=1)):
            clock.shift(passed)
            log_in(client)
            noted.append(f"{zoe(environ).last_login_at:%H:%M:%S}")
            assert ask_to_log_in(client, with_password("wrong")).status_code == 400
    assert noted == ["10:00:00", "10:00:00", "10:00:00", "11:00:01"]


def test_an_upgrade_within_the_hour_is_not_put_off(client: FlaskClient, environ: dict[str, str]) -> None:
    log_in(client)
    put(environ, WEAK)
    log_in(client)
    assert is_policys(zoe(environ).password_hash)


def test_a_login_alone_moves_only_its_own_time(client: FlaskClient, environ: dict[str, str]) -> None:
    put(environ, LONG_BCRYPT)
    before = zoe(environ)
    assert ask_to_log_in(client, with_password(LONG_PASSWORD)).status_code == 200
    after = zoe(environ)
    assert after.last_login_at is not None
    assert (after.version, after.updated_at, after.password_hash) == (before.version, before.updated_at, LONG_BCRYPT)


@pytest.mark.parametrize("moment", ["before the hash is made", "before it is written"])
def test_the_password_that_an_admin_sets_meanwhile_stays(
    client: FlaskClient, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def set_password() -> None:
        UserEditor(engine_of(environ), "tests").set_password(ZOE.username, ADMINS)

    with ExitStack() as stack:
        if moment == "before it is written":
            stack.enter_context(call_at_statement("before_cursor_execute", "UPDATE users", set_password))
        else:
            monkeypatch.setattr("passwords.hashing.needs_rehash", _after(set_password, needs_rehash))
        assert ask_to_log_in(client).status_code == 400  # what the admin did ends what the login began
    assert zoe(environ).password_hash == ADMINS
    assert zoe(environ).last_login_at is None


def _after(act: Callable[[], object], then: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: object) -> Any:
        act()
        return then(*arguments)

    return both


def test_an_admin_who_is_not_done_yet_is_waited_for(postgres: str) -> None:
    environ = user_table(new_database(postgres, "admin_at_work"), [ZOE], lambda _: WEAK)
    client, engine = client_of(environ), engine_of(environ)
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(query, 'UPDATE users')"
    )
    with ThreadPoolExecutor(1) as threads, engine.connect() as onlooker, engine.connect() as admin:
        onlooker.execution_options(
            isolation_level="AUTOCOMMIT"
        )  # in a transaction it would see the same again and again
        admin.exec_driver_sql("UPDATE users SET password_hash = %s", (ADMINS,))
        login = threads.submit(ask_to_log_in, client)
        wait_until(lambda: onlooker.exec_driver_sql(waiting).scalar() == 1)
        admin.commit()
        assert login.result(20).status_code == 200
    assert zoe(environ).password_hash == ADMINS


def test_of_many_logins_at_once_one_replaces_the_hash(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run_concurrently, written = Barrier(4), []
    clients = [client.application.test_client() for _ in range(4)]

    def meet(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith("UPDATE users"):
            run_concurrently.wait(20)

    def count(_connection: object, cursor: Any, text: str, *_: object) -> None:
        if text.startswith("UPDATE users"):
            written.append(cursor.rowcount)

    with (
        _listening("before_cursor_execute", meet),
        _listening("after_cursor_execute", count),
        ThreadPoolExecutor(4) as threads,
    ):
        assert [answer.status_code for answer in threads.map(ask_to_log_in, clients)] == [200] * 4
    assert sorted(written) == [0, 0, 0, 1]
    assert caplog.text.count("a weaker password hash was replaced") == 1
    assert is_policys(zoe(environ).password_hash)


@contextmanager
def _listening(moment: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(Engine, moment, listener)
    yield
    event.remove(Engine, moment, listener)


def test_a_full_queue_of_hashes_lets_in_whom_it_has_proven(
    client: FlaskClient, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Event()
    with ThreadPoolExecutor(CAPACITY + 1) as threads, monkeypatch.context() as full:
        filling = partial(_fill, threads, gate, CAPACITY)
        full.setattr("passwords.hashing.needs_rehash", _after(filling, needs_rehash))
        answer = ask_to_log_in(client)
        gate.set()
    assert answer.status_code == 200
    assert "a login could not be noted: Overloaded" in caplog.text
    assert zoe(environ).password_hash == WEAK
    log_in(client)
    assert is_policys(zoe(environ).password_hash)
