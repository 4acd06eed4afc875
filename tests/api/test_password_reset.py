"""`POST /api/auth/password/reset`: a one-time code from an operator sets a new password, once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, update
from werkzeug.test import TestResponse

from database.tables import users
from passwords.reset_codes import generate_code, hash_code
from tests.support.audit_events import events_in
from tests.support.error_responses import error_message
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.sessions import client_of, guard_error, log_in, send_login
from tests.support.stores import DEFAULT_LIMITS, engine_of, user_table
from tests.support.users import ZOE
from tests.support.users_api import MAX, SQLITE_ONLY, Admin, admin_at

NEW = "lampshade quarry violin 9"


def send(client: FlaskClient, code: str, login: str = MAX.username, new: str = NEW) -> TestResponse:
    return client.post("/api/auth/password/reset", json={"login": login, "code": code, "new_password": new})


def issue(admin: Admin, hours: int = 1) -> str:
    code = generate_code()
    admin.table.issue_reset_code(MAX.username, hash_code(code), datetime.now(UTC) + timedelta(hours=hours))
    return code


def test_code_sets_the_password_once_and_ends_all_sessions(admin: Admin) -> None:
    tokens, code = log_in(admin.client, MAX), issue(admin)
    assert guard_error(admin.client, tokens.access) == ""
    weak = send(admin.client, code, new="max password")
    assert error_message(weak, 400, "weak_password")
    with ThreadPoolExecutor(2) as threads:
        typed = code.lower().replace("-", " ")
        sent = [threads.submit(send, client_of(admin.environ), typed, MAX.email) for _ in range(2)]
        assert sorted(future.result().status_code for future in sent) == [200, 400]
    assert error_message(send(admin.client, code), 400, "invalid_reset_code")
    assert admin.client.post("/api/auth", json={"email": MAX.username, "password": NEW}).status_code == 200
    assert error_message(send_login(admin.client, MAX), 400, "invalid_credentials")
    assert [event.action for event in admin.history(MAX.username)] == ["password_reset"]


@SQLITE_ONLY
def test_every_denied_reset_has_the_same_response(admin: Admin) -> None:
    responses = [send(admin.client, code, login) for code in ("x", "x" * 1024) for login in ("unknown", MAX.username)]
    expired = issue(admin, hours=-1)
    responses.append(send(admin.client, expired))
    replaced, code = issue(admin), issue(admin)
    responses += [send(admin.client, replaced), send(admin.client, code, "zoé")]
    with admin.engine.begin() as connection:
        connection.execute(update(users).where(users.c.username == MAX.username).values(active=False))
    responses.append(send(admin.client, code))
    assert {error_message(response, 400, "invalid_reset_code") for response in responses} == {
        "Invalid login or reset code"
    }
    assert error_message(send(admin.client, " "), 400, "missing_credentials") == "Login or code or new_password missing"


def test_every_denied_reset_costs_the_same_statements_and_no_hash(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    statements: list[str] = []
    listener = (Engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    event.listen(*listener)
    costs = set()
    expired = issue(admin, hours=-1)
    cases = [("unknown", "x"), (ZOE.username, "x"), (MAX.username, "x"), (MAX.username, expired)]
    for login, code in cases:
        statements.clear()
        assert send(admin.client, code, login).status_code == 400
        costs.add(tuple(one for one in statements if "latchkey_users" in one))  # without those of other threads
    event.remove(*listener)
    (cost,) = costs
    assert len(cost) == 2
    assert send(admin.client, issue(admin)).status_code == 200
    reasons = [one["reason"] for one in events_in(caplog, "password_reset_denied")]
    assert reasons == ["unknown_user", "wrong_code", "wrong_code", "expired_code"]
    hashed = ["hash_ms" in one for one in events_in(caplog, "password_reset_denied", "password_reset_accepted")]
    assert hashed == [False] * len(cases) + [True]


@SQLITE_ONLY
def test_resets_are_throttled_with_logins(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ, **DEFAULT_LIMITS)
    code = issue(admin)
    for _ in range(5):
        assert send(admin.client, "x").status_code == 400
        assert send(admin.client, "x", "unknown").status_code == 400
    assert [send(admin.client, code, login).status_code for login in (MAX.username, "unknown")] == [429, 429]
    assert send_login(admin.client, MAX).status_code == 429


@SQLITE_ONLY
@pytest.mark.parametrize("other", ["set_password", "disable"])
def test_new_password_by_another_way_ends_the_code(admin: Admin, other: str) -> None:
    code = issue(admin)
    if other == "set_password":
        admin.table.set_password(MAX.username, "!")
    else:
        admin.table.set_active(MAX.username, active=False)
        admin.table.set_active(MAX.username, active=True)
    assert error_message(send(admin.client, code), 400, "invalid_reset_code")


def test_operator_prints_a_code_which_the_database_does_not_have(fork_server: ForkServer, tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [MAX], lambda _: "!")  # no password matches this hash
    flask, engine = ForkedFlask(fork_server, tmp_path, DATABASE_URL=environ["DATABASE_URL"]), engine_of(environ)
    code = json.loads(flask("users", "reset", MAX.email, "--json").stdout)["code"]
    with engine.connect() as connection:
        assert code not in str(connection.execute(select(users)).all())
    assert send(client_of(environ), code).status_code == 200
    assert flask("users", "disable", MAX.username).returncode == 0
    error = error_line(flask("users", "reset", MAX.username))
    assert error == f"Error: {MAX.username} is disabled. Run first: flask users enable LOGIN"
