"""While the session database is unavailable, tokens stay valid, logins succeed and nothing is lost."""

import logging
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from database.schema import upgrade
from tests.conftest import new_database
from tests.servers.process import wait_until
from tests.support.database_outage import Database
from tests.support.error_responses import error_message
from tests.support.sessions import (
    bearer,
    claims_of,
    client_of,
    guard_error,
    log_in,
    log_out,
    refresh,
    send_login,
    send_refresh,
)
from tests.support.stores import engine_of, user_table

UNAVAILABLE = "Session store unavailable"


@pytest.fixture
def sessions(postgres: str, tmp_path: Path) -> Database:
    return Database(user_table(new_database(postgres, tmp_path.name), [])["DATABASE_URL"])


@pytest.fixture
def environ(sessions: Database, static_environ: dict[str, str]) -> dict[str, str]:
    """The environment of a users file with all sample users, and of a session database that can be taken away."""
    return {**static_environ, "DATABASE_URL": sessions.url}


def unavailable(client: FlaskClient, method: str, path: str, **request: object) -> bool:
    response = client.open(path, method=method, **request)  # type: ignore[arg-type]  # the arguments of `open`
    return (
        error_message(response, 503, "sessions_unavailable") == UNAVAILABLE and response.headers["Retry-After"] == "5"
    )


def test_valid_tokens_stay_valid_and_revoked_ones_stay_revoked(environ: dict[str, str], sessions: Database) -> None:
    client = client_of(environ)
    tokens, ended = log_in(client), log_in(client)
    log_out(client, ended.access)
    sessions.make_unavailable()
    assert (guard_error(client, tokens.access), guard_error(client, ended.access)) == ("", "revoked_token")


def test_login_during_an_outage_returns_only_an_access_token(
    environ: dict[str, str], sessions: Database, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    guard_error(client, log_in(client).access)
    sessions.make_unavailable()
    response = send_login(client)
    assert (response.status_code, "login without a session: " in caplog.text) == (200, True)
    body = response.get_json()
    assert set(body) == {"status", "data", "token_type", "expires_in"}
    assert "sid" not in claims_of(client, body["data"])
    assert guard_error(client, body["data"]) == ""
    sessions.make_available()
    assert log_out(client, body["data"]).status_code == 200
    assert guard_error(client, body["data"]) == "revoked_token"


def test_outage_is_logged_once_and_not_for_each_request(
    environ: dict[str, str], sessions: Database, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    tokens = log_in(client)
    sessions.make_unavailable()
    for _ in range(8):
        assert send_refresh(client, tokens.refresh).status_code == 503
        assert send_login(client).status_code == 200
    failures = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    # The first query finds a closed connection, and the next ones find none.
    assert 1 <= sum("request " in line for line in failures) <= 2
    assert 1 <= sum("login without a session" in line for line in failures) <= 2
    sessions.make_available()
    wait_until(lambda: send_refresh(client, tokens.refresh).status_code == 200)


def test_refresh_during_an_outage_does_not_spend_the_token(environ: dict[str, str], sessions: Database) -> None:
    client = client_of(environ)
    tokens = log_in(client)
    sessions.make_unavailable()
    assert unavailable(client, "POST", "/api/auth/refresh", json={"refresh_token": tokens.refresh})
    sessions.make_available()
    assert guard_error(client, refresh(client, tokens).access) == ""


def test_logout_during_an_outage_fails_and_can_be_repeated(environ: dict[str, str], sessions: Database) -> None:
    client = client_of(environ)
    tokens = log_in(client)
    assert guard_error(client, tokens.access) == ""
    sessions.make_unavailable()
    assert unavailable(client, "DELETE", "/api/auth", headers=bearer(tokens.access))
    assert guard_error(client, tokens.access) == ""
    sessions.make_available()
    assert log_out(client, tokens.access).status_code == 200
    assert guard_error(client, tokens.access) == "revoked_token"


def test_response_arrives_if_its_delivery_cannot_be_recorded(
    environ: dict[str, str], sessions: Database, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    response = send_refresh(client, log_in(client).refresh)
    sessions.make_unavailable()
    body = response.get_json()
    assert "a response was sent, but could not be marked as delivered: " in caplog.text
    sessions.make_available()
    assert send_refresh(client, body["refresh_token"]).status_code == 200


def test_process_started_during_an_outage_accepts_no_token_until_it_ends(
    environ: dict[str, str], sessions: Database
) -> None:
    tokens = log_in(client_of(environ))
    sessions.make_unavailable()
    new_process = client_of(environ)
    assert unavailable(new_process, "GET", "/api/protected_route", headers=bearer(tokens.access))
    assert unavailable(new_process, "DELETE", "/api/auth", headers=bearer(tokens.access))
    assert error_message(new_process.get("/api/protected_route"), 401, "missing_token")
    assert send_login(new_process).status_code == 200
    sessions.make_available()
    wait_until(lambda: guard_error(new_process, tokens.access) == "")


def test_tokens_are_rejected_when_the_revocation_list_is_too_old(environ: dict[str, str], sessions: Database) -> None:
    client = client_of(environ, REVOCATION_STALENESS_SECONDS="2")
    tokens = log_in(client)
    wait_until(lambda: guard_error(client, tokens.access) == "")
    sessions.make_unavailable()
    wait_until(lambda: guard_error(client, tokens.access) == "sessions_unavailable")
    sessions.make_available()
    wait_until(lambda: guard_error(client, tokens.access) == "")


def test_missing_database_file_is_an_outage(
    static_environ: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {**static_environ, "DATABASE_URL": f"sqlite:///{tmp_path}/new.db"}
    client = client_of(environ)
    access = send_login(client).get_json()["data"]
    assert guard_error(client, access) == "sessions_unavailable"
    Path(tmp_path, "new.db").touch()
    assert guard_error(client, access) == "sessions_unavailable"
    assert "run: make migrate" in caplog.text.replace("Run", "run")
    upgrade(engine_of(environ, may_create=True))
    wait_until(lambda: guard_error(client, access) == "")
    assert guard_error(client, refresh(client, log_in(client)).access) == ""
