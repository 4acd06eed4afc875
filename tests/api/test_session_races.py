"""Revocations at critical moments of a login or a refresh: no valid token remains."""

import time
from collections.abc import Callable

import pytest

from database.user_editor import UserEditor
from tests.servers.process import wait_until
from tests.support.commands import run_command
from tests.support.sessions import Tokens, client_of, guard_error, log_in, send_login, send_refresh, tokens_in
from tests.support.statement_hooks import call_after_statement, call_before_statement
from tests.support.stores import engine_of, hashed, user_table
from tests.support.users import ZOE


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    return user_table(migrated_database, [ZOE])


REVOCATIONS: dict[str, Callable[[UserEditor], object]] = {
    "disable": lambda users: users.set_active("zoé", active=False, force=True),
    "set-password": lambda users: users.set_password("zoé", hashed("another password")),
    "change-password": lambda users: users.change_password(users.users.require("zoé"), hashed("another password")),
}


def outcome(environ: dict[str, str], tokens: Tokens) -> tuple[str, int]:
    client = client_of(environ)
    return guard_error(client, tokens.access), send_refresh(client, tokens.refresh).status_code


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_revocation_during_the_password_check_ends_the_login(environ: dict[str, str], revocation: str) -> None:
    client = client_of(environ)
    table = UserEditor(engine_of(environ), "tests")
    with call_after_statement("SELECT latchkey_users.", lambda: REVOCATIONS[revocation](table)):
        response = send_login(client)
    if response.status_code == 200:
        assert outcome(environ, tokens_in(response)) == ("revoked_token", 400)
    else:
        assert response.status_code == 400


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_revocation_during_a_refresh_ends_the_session(environ: dict[str, str], revocation: str) -> None:
    client = client_of(environ)
    tokens = log_in(client)
    table = UserEditor(engine_of(environ), "tests")
    with call_after_statement("SELECT latchkey_users.", lambda: REVOCATIONS[revocation](table)):
        assert send_refresh(client, tokens.refresh).status_code == 400
    assert outcome(environ, tokens) == ("revoked_token", 400)


def test_login_just_before_revoke_all_is_revoked(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(environ)
    monkeypatch.setenv("DATABASE_URL", environ["DATABASE_URL"])
    given: list[Tokens] = []

    def log_in_a_second_later() -> None:
        second = int(time.time())
        wait_until(lambda: time.time() > second + 1)
        given.append(log_in(client))

    first_of_the_end = ("BEGIN", "DELETE FROM latchkey_sessions")
    with call_before_statement(first_of_the_end, log_in_a_second_later):
        assert run_command("tokens", "revoke", "--all").exit_code == 0
    assert outcome(environ, given[0]) == ("revoked_token", 400)
