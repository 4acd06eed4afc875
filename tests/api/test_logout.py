"""`DELETE /api/auth`: a logout revokes a token and the session that it belongs to."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from database.session_table import SessionTable
from services.jwt_handler import generate_jwt
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.sessions import (
    bearer,
    claims_of,
    client_of,
    guard_error,
    log_in,
    log_out,
    refresh,
    send_refresh,
)
from tests.support.signed_tokens import sign
from tests.support.stores import engine_of, user_table
from tests.support.users import SAMPLE_USERS, ZOE

REVOKED = "Invalid access token: revoked"


@pytest.fixture(params=["sqlite", "postgres"])
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a database with all sample users, once for each kind."""
    made: dict[str, str] = request.getfixturevalue(f"{request.param}_environ")
    return made


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return client_of(environ)


def generate_token(app: Flask, lifetime: float | None = None, **payload: object) -> str:
    """Return a token without a session, generated as a view would."""
    with app.app_context():
        return generate_jwt({"username": ZOE.username, "roles": ["user"], **payload}, lifetime)


def test_logout_immediately_revokes_all_tokens_of_the_session(client: FlaskClient) -> None:
    first = log_in(client)
    second = refresh(client, first)
    response = log_out(client, first.access)
    assert (response.status_code, response.json) == (200, {"status": 200, "message": "Logged out"})
    for tokens in (first, second):
        guarded = client.get("/api/protected_route", headers=bearer(tokens.access))
        assert error_message(guarded, 401, "revoked_token") == REVOKED
        assert guarded.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
        error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    assert error_message(log_out(client, second.access), 401, "revoked_token") == REVOKED


def test_logout_keeps_other_sessions_and_other_users(client: FlaskClient) -> None:
    ended, other, other_user = log_in(client), log_in(client), log_in(client, SAMPLE_USERS[1])
    log_out(client, ended.access)
    assert [guard_error(client, tokens.access) for tokens in (ended, other, other_user)] == [
        "revoked_token",
        "",
        "",
    ]
    refresh(client, other)
    refresh(client, other_user)


def test_user_can_log_in_immediately_after_a_logout(client: FlaskClient) -> None:
    log_out(client, log_in(client).access)
    again = log_in(client)
    assert guard_error(client, refresh(client, again).access) == guard_error(client, again.access) == ""


def test_logout_reaches_other_and_new_processes(environ: dict[str, str]) -> None:
    client, other = client_of(environ), client_of(environ)
    tokens = log_in(client)
    assert guard_error(other, tokens.access) == ""
    log_out(client, tokens.access)
    assert guard_error(client_of(environ), tokens.access) == "revoked_token"
    wait_until(lambda: guard_error(other, tokens.access) == "revoked_token")
    error_message(send_refresh(other, tokens.refresh), 400, "invalid_refresh_token")


def test_logout_without_a_session_revokes_only_that_token(client: FlaskClient, environ: dict[str, str]) -> None:
    one, other = generate_token(client.application), generate_token(client.application)
    tokens = log_in(client)
    assert log_out(client, one).status_code == 200
    assert [guard_error(client, token) for token in (one, other, tokens.access)] == ["revoked_token", "", ""]
    assert guard_error(client_of(environ), one) == "revoked_token"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_token"),
        ({"Authorization": "Basic x"}, "missing_token"),
        (bearer("x"), "invalid_token"),
        (bearer("a.b.c"), "invalid_token"),
    ],
)
def test_logout_without_a_valid_token_revokes_nothing(client: FlaskClient, headers: dict[str, str], code: str) -> None:
    tokens = log_in(client)
    error_message(client.delete(f"/api/auth?token={tokens.access}", headers=headers), 401, code)
    assert guard_error(client, tokens.access) == ""


def test_logout_with_an_expired_token_revokes_nothing(client: FlaskClient) -> None:
    sid = claims_of(client, (tokens := log_in(client)).access)["sid"]
    expired = generate_token(client.application, lifetime=-1, sid=sid)
    error_message(log_out(client, expired), 401, "expired_token")
    refresh(client, tokens)


def test_token_copied_from_revoked_claims_is_revoked(client: FlaskClient) -> None:
    tokens = log_in(client)
    copy = generate_token(client.application, **claims_of(client, tokens.access))
    assert log_out(client, tokens.access).status_code == 200
    assert guard_error(client, copy) == "revoked_token"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that only moves when the test shifts it."""
    with time_machine.travel(datetime.now(UTC), tick=False) as traveller:
        yield traveller


WEEK = 7 * 24 * 60
YEAR = 365 * 24 * 60


@pytest.mark.parametrize("with_session", [False, True])
def test_long_lived_token_stays_revoked_until_it_expires(
    environ: dict[str, str], clock: time_machine.Traveller, with_session: bool
) -> None:
    client = client_of(environ)
    payload = claims_of(client, log_in(client).access) if with_session else {}
    token = generate_token(client.application, lifetime=WEEK, **payload)
    assert log_out(client, token).status_code == 200
    for _ in range(3):
        clock.shift(timedelta(days=2))
        log_out(client, log_in(client).access)  # a logout deletes expired revocations
        assert guard_error(client_of(environ), token) == "revoked_token"


@pytest.mark.parametrize(
    "end",
    [
        lambda table: table.end_user_sessions(ZOE.username),
        lambda table: table.end_user_sessions(ZOE.username, "database"),
        lambda table: table.end_all(),
    ],
    ids=["user", "user and provider", "all"],
)
@pytest.mark.parametrize("lifetime", [WEEK, YEAR], ids=["week", "year"])
def test_long_lived_token_stays_revoked_after_a_revocation_of_its_user(
    migrated_database: str, clock: time_machine.Traveller, end: Callable[[SessionTable], object], lifetime: int
) -> None:
    environ = user_table(migrated_database, [ZOE])
    client = client_of(environ)
    token = generate_token(client.application, lifetime=lifetime, idp="database")
    end(SessionTable(engine_of(environ)))
    for _ in range(3):
        clock.shift(timedelta(minutes=lifetime * 0.33))
        log_out(client, log_in(client).access)
        assert guard_error(client_of(environ), token) == "revoked_token"


@pytest.mark.parametrize("years", [1.01, 2, 20_000])
def test_token_that_outlasts_its_revocation_is_never_valid(client: FlaskClient, years: float) -> None:
    with pytest.raises(ValueError, match="valid for more than a year"):
        generate_token(client.application, lifetime=years * YEAR)
    token = generate_token(client.application)
    header, claims = jwt.get_unverified_header(token), claims_of(client, token)
    assert guard_error(client, sign(header, claims)) == ""
    claims["exp"] = claims["iat"] + int(years * YEAR * 60)
    assert guard_error(client, sign(header, claims)) == "invalid_token"


def test_token_can_be_valid_for_years_if_no_token_can_be_revoked(static_environ: dict[str, str]) -> None:
    client = client_of(static_environ)
    assert guard_error(client, generate_token(client.application, lifetime=20 * YEAR)) == ""


def test_token_of_a_deleted_session_can_be_revoked(migrated_database: str) -> None:
    environ = user_table(migrated_database, [ZOE])
    client = client_of(environ)
    tokens = log_in(client)
    with engine_of(environ).begin() as connection:
        connection.execute(text("DELETE FROM latchkey_sessions"))
    assert log_out(client, tokens.access).status_code == 200
    assert guard_error(client, tokens.access) == "revoked_token"


def test_guarded_request_makes_no_query(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    tokens = log_in(client)
    guard_error(client, tokens.access)
    caplog.set_level("INFO", "sqlalchemy.engine")
    for _ in range(50):
        assert guard_error(client, tokens.access) == ""
    assert caplog.text.count("FROM latchkey_revocations") < 25
    assert "FROM latchkey_sessions" not in caplog.text
