"""How long a session lasts: until its idle time or its lifetime is over."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.errors import ConfigurationError
from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.support.error_responses import error_message
from tests.support.session_rows import age_rotations
from tests.support.sessions import Tokens, client_of, guard_error, log_in, log_out, refresh, send_refresh
from tests.support.stores import engine_of

IDLE, LIFETIME, ACCESS = 30, 100, 10
SETTINGS = {
    "SESSION_IDLE_MINUTES": str(IDLE),
    "SESSION_LIFETIME_MINUTES": str(LIFETIME),
    "JWT_LIFETIME_MINUTES": str(ACCESS),
}


class Clock:
    """A clock that only moves when the test shifts it."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller

    def shift(self, minutes: float, seconds: float = 0) -> None:
        self._traveller.shift(timedelta(minutes=minutes, seconds=seconds))


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock that starts now."""
    with time_machine.travel(datetime.now(UTC).replace(microsecond=0), tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def client(sqlite_environ: dict[str, str]) -> FlaskClient:
    return client_of({**sqlite_environ, **SETTINGS})


def is_refused(client: FlaskClient, tokens: Tokens) -> bool:
    message = error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    return message == "Invalid refresh token: expired, revoked or unknown"


def test_unused_refresh_token_expires_after_the_idle_time(client: FlaskClient, clock: Clock) -> None:
    kept, unused = log_in(client), log_in(client)
    clock.shift(IDLE, -1)
    kept = refresh(client, kept)
    clock.shift(0, 1)
    assert is_refused(client, unused)
    clock.shift(IDLE, -2)
    kept = refresh(client, kept)
    clock.shift(IDLE)
    assert is_refused(client, kept)


def test_session_ends_after_its_lifetime_despite_refreshes(client: FlaskClient, clock: Clock) -> None:
    tokens = log_in(client)
    for _ in range(4):
        clock.shift(LIFETIME / 5)
        tokens = refresh(client, tokens)
    clock.shift(LIFETIME / 5, -1)
    tokens = refresh(client, tokens)
    clock.shift(0, 1)
    assert is_refused(client, tokens)


def test_idle_time_does_not_extend_the_lifetime(sqlite_environ: dict[str, str], clock: Clock) -> None:
    client = client_of({**sqlite_environ, **SETTINGS, "SESSION_IDLE_MINUTES": str(2 * LIFETIME)})
    tokens = log_in(client)
    clock.shift(LIFETIME)
    assert is_refused(client, tokens)


def test_access_token_ends_with_its_lifetime_or_its_session(client: FlaskClient, clock: Clock) -> None:
    first = log_in(client)
    clock.shift(ACCESS, -1)
    second = refresh(client, first)
    clock.shift(0, 1)
    assert (guard_error(client, first.access), guard_error(client, second.access)) == ("expired_token", "")
    assert log_out(client, second.access).status_code == 200
    assert (guard_error(client, first.access), guard_error(client, second.access)) == (
        "expired_token",
        "revoked_token",
    )


def test_session_can_be_ended_just_before_its_access_token_expires(client: FlaskClient, clock: Clock) -> None:
    tokens = refresh(client, log_in(client))
    clock.shift(ACCESS, -1)
    log_in(client)
    assert log_out(client, tokens.access).status_code == 200
    assert guard_error(client, tokens.access) == "revoked_token"
    assert is_refused(client, tokens)


@pytest.mark.parametrize(
    "revoke",
    [
        lambda client, tokens: log_out(client, tokens.access),
        lambda client, tokens: send_refresh(client, tokens.refresh),
    ],
    ids=["logout", "reuse"],
)
def test_old_token_can_be_revoked_after_the_lifetime_is_shortened(
    sqlite_environ: dict[str, str], clock: Clock, revoke: Callable[[FlaskClient, Tokens], TestResponse]
) -> None:
    long_lived = client_of({**sqlite_environ, **SETTINGS}, JWT_LIFETIME_MINUTES="1440")
    client = client_of({**sqlite_environ, **SETTINGS}, JWT_LIFETIME_MINUTES="1")
    old = log_in(long_lived)
    refresh(client, old)
    age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
    clock.shift(5)
    assert guard_error(client, old.access) == ""
    assert revoke(client, old).status_code < 500
    assert guard_error(client, old.access) == "revoked_token"


@pytest.mark.parametrize("name", ["SESSION_IDLE_MINUTES", "SESSION_LIFETIME_MINUTES"])
@pytest.mark.parametrize("minutes", ["5256000000", "99999999999999"])
def test_session_lifetime_beyond_the_calendar_is_a_configuration_error(
    sqlite_environ: dict[str, str], name: str, minutes: str
) -> None:
    with pytest.raises(ConfigurationError, match=name):
        client_of(sqlite_environ, **{name: minutes})
