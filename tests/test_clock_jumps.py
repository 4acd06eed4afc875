"""The clock is set forward and back: no request fails, and no revoked token is valid again."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask.testing import FlaskClient

from database.clock import MAX_CLOCK_ERROR
from database.service_token_table import ServiceTokenTable
from database.session_table import SessionTable
from database.user_editor import UserEditor
from services.context import services_of
from services.service_tokens import ServiceTokenIssuer
from tests.support.sessions import bearer, client_of, guard_error, log_in, log_out, send_refresh, tokens_in
from tests.support.stores import engine_of, user_table
from tests.support.users import SAMPLE_USERS, ZOE

OTHER = SAMPLE_USERS[1]
HOURS = timedelta(hours=1)


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    return user_table(migrated_database, [ZOE, OTHER])


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return client_of(environ)


def wrong_clock(offset: timedelta) -> time_machine.travel:
    """Set the clock forward, or back if the offset is negative."""
    return time_machine.travel(datetime.now(UTC) + offset)


def test_clock_that_was_ahead_makes_no_revoked_token_valid(client: FlaskClient, environ: dict[str, str]) -> None:
    revoked, valid = log_in(client).access, log_in(client).access
    assert log_out(client, revoked).status_code == 200
    with wrong_clock(MAX_CLOCK_ERROR - HOURS):
        log_out(client, log_in(client, OTHER).access)
        UserEditor(engine_of(environ), "tests").set_active(ZOE.username, False, force=True)
    new_process = client_of(environ)
    assert [guard_error(new_process, token) for token in (revoked, valid)] == ["revoked_token", "revoked_token"]


@pytest.mark.parametrize("revoked_user", ["service:backup", None], ids=["the machine", "all"])
def test_token_of_a_clock_that_was_ahead_is_revoked(
    client: FlaskClient, environ: dict[str, str], revoked_user: str | None
) -> None:
    engine, issuer = engine_of(environ), services_of(client.application).issuer
    with wrong_clock(5 * HOURS):
        of_machine, _ = ServiceTokenIssuer(issuer, ServiceTokenTable(engine), "tests").issue("backup", [], 1)
        of_user = log_in(client).access
    table = SessionTable(engine)
    if revoked_user:
        table.end_user_sessions(revoked_user)
    else:
        table.end_all()
    with wrong_clock(5 * HOURS + timedelta(minutes=1)):  # the time at which the tokens say that they were issued
        assert guard_error(client_of(environ), of_machine) == "revoked_token"
        assert guard_error(client_of(environ), of_user) == ("" if revoked_user else "revoked_token")


@pytest.mark.parametrize("clock", [12 * HOURS, -12 * HOURS])
def test_logins_and_logouts_succeed_with_a_wrong_clock_and_after_its_correction(
    client: FlaskClient, clock: timedelta
) -> None:
    before = log_in(client)
    with wrong_clock(clock):
        wrong = log_in(client)
        assert guard_error(client, wrong.access) == ""
        assert (guard_error(client, before.access) == "expired_token") == (clock > timedelta())
        refreshed = tokens_in(send_refresh(client, wrong.refresh))
        assert log_out(client, refreshed.access).status_code == 200
        assert guard_error(client, refreshed.access) == "revoked_token"
    assert guard_error(client, before.access) == ""
    assert guard_error(client, refreshed.access) != ""
    assert client.get("/health/ready").status_code == 200
    assert log_out(client, before.access).status_code == 200
    assert client.get("/api/auth/me", headers=bearer(log_in(client).access)).status_code == 200
