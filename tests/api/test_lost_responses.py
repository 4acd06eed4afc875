"""A refresh whose response was lost, so that the client retries it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from database.session_table import SessionTable
from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.sessions import claims_of, client_of, guard_error, log_in, refresh, send_refresh, tokens_in
from tests.support.stores import engine_of

NEVER = "Invalid refresh token: expired, revoked or unknown"
SPENT = "Invalid refresh token: already used; its session was revoked"


@pytest.fixture
def client(request: pytest.FixtureRequest) -> FlaskClient:
    """A client of an application with all sample users in PostgreSQL, or in the store that the test names."""
    return client_of(request.getfixturevalue(getattr(request, "param", "postgres_environ")))


@pytest.fixture
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.sessions.LOST_RESPONSE_TIMEOUT", 0.2)


def refusal(client: FlaskClient, token: str) -> str:
    return error_message(send_refresh(client, token), 400, "invalid_refresh_token")


@pytest.mark.usefixtures("_short_wait")
@pytest.mark.parametrize("client", ["sqlite_environ", "postgres_environ"], indirect=True)
def test_refresh_can_be_retried_once_if_its_response_was_lost(client: FlaskClient) -> None:
    first = log_in(client)
    lost = send_refresh(client, first.refresh)
    second = tokens_in(send_refresh(client, first.refresh))
    assert guard_error(client, second.access) == ""
    third = refresh(client, second)
    assert refusal(client, first.refresh) == SPENT
    assert refusal(client, third.refresh) == NEVER
    assert [guard_error(client, tokens.access) for tokens in (first, second, third)] == ["revoked_token"] * 3
    lost.close()


@pytest.mark.usefixtures("_short_wait")
def test_retry_works_after_several_lost_responses(client: FlaskClient) -> None:
    tokens = log_in(client)
    lost = [send_refresh(client, tokens.refresh) for _ in range(3)]
    again = refresh(client, tokens)
    assert guard_error(client, refresh(client, again).access) == ""
    assert [response.status_code for response in lost] == [200] * 3


@pytest.mark.usefixtures("_short_wait")
def test_response_that_arrives_after_the_retry_has_an_invalid_token(client: FlaskClient) -> None:
    first = log_in(client)
    late = send_refresh(client, first.refresh)
    second = refresh(client, first)
    late_tokens = tokens_in(late)
    assert refusal(client, late_tokens.refresh) == SPENT
    assert refusal(client, second.refresh) == NEVER


@pytest.mark.usefixtures("_short_wait")
def test_late_response_does_not_confirm_the_delivery_of_a_later_one(client: FlaskClient) -> None:
    first = log_in(client)
    late = send_refresh(client, first.refresh)
    lost_too = send_refresh(client, first.refresh)
    tokens_in(late)
    assert guard_error(client, refresh(client, first).access) == ""
    assert lost_too.status_code == 200


def test_retry_waits_for_the_response_in_flight_and_is_then_rejected(client: FlaskClient) -> None:
    first = log_in(client)
    in_flight = send_refresh(client, first.refresh)
    with ThreadPoolExecutor(1) as threads:
        retry = threads.submit(send_refresh, client.application.test_client(), first.refresh)
        second = tokens_in(in_flight)
        assert error_message(retry.result(60), 400, "invalid_refresh_token") == SPENT
    assert guard_error(client, second.access) == "revoked_token"


def test_only_one_of_two_concurrent_retries_succeeds(client: FlaskClient) -> None:
    first = log_in(client)
    lost = send_refresh(client, first.refresh)

    def again(_: int) -> int:
        response = send_refresh(client.application.test_client(), first.refresh)
        response.get_data()
        return response.status_code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(again, range(2))) == [200, 400]
    assert lost.status_code == 200


def test_only_the_latest_spent_token_can_be_retried(client: FlaskClient) -> None:
    older = log_in(client)
    old = refresh(client, older)
    lost = send_refresh(client, old.refresh)
    assert refusal(client, older.refresh) == SPENT
    assert refusal(client, old.refresh) == NEVER
    assert lost.status_code == 200


class Clock:
    """A clock that the test sets, and that counts how often it is read."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass, and wait until the service has read the clock."""
        self.seconds += seconds
        reads = self.reads
        wait_until(lambda: self.reads > reads + 2)


def test_wait_of_a_retry_restarts_with_each_new_response(
    client: FlaskClient, postgres_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, table = Clock(), SessionTable(engine_of(postgres_environ))
    monkeypatch.setattr("services.sessions.sessions.monotonic", clock)
    first = log_in(client)
    sid = claims_of(client, first.access)["sid"]
    lost = send_refresh(client, first.refresh)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(send_refresh, client.application.test_client(), first.refresh)
        clock.advance(LOST_RESPONSE_TIMEOUT - 0.5)
        row = table.find(sid)
        assert row is not None
        assert row.spent_hash
        assert table.rotate(row, row.spent_hash, "another's", row.expires_at, row.access_until)
        clock.advance(0)
        clock.advance(LOST_RESPONSE_TIMEOUT - 0.5)
        assert not waiting.done()
        table.mark_delivered(sid, "another's")
        assert error_message(waiting.result(60), 400, "invalid_refresh_token") == SPENT
    assert lost.status_code == 200


@pytest.mark.usefixtures("_short_wait")
def test_use_of_a_refresh_token_confirms_its_delivery(client: FlaskClient) -> None:
    first = log_in(client)
    second = send_refresh(client, first.refresh)
    read = second.get_json()  # the delivery is recorded after the whole body is read
    third = tokens_in(send_refresh(client, read["refresh_token"]))
    assert refusal(client, first.refresh) == SPENT
    assert guard_error(client, third.access) == "revoked_token"
