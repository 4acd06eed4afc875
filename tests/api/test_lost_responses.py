"""A spent refresh token: a retry whose response was lost, another tab of the same user, or a thief."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder

from database.session_row import SessionRow
from database.session_table import SessionTable
from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.oauth import granted_tokens, oauth_app, oauth_error
from tests.support.oauth import refresh as refresh_by_oauth
from tests.support.oauth import token as token_by_oauth
from tests.support.session_rows import age_rotations
from tests.support.sessions import Tokens, claims_of, client_of, guard_error, log_in, refresh, send_refresh, tokens_in
from tests.support.stores import engine_of

NEVER = "Invalid refresh token: expired, revoked or unknown"
SPENT = "Invalid refresh token: already used; its session was revoked"
JUST_EXCHANGED = "This refresh token was just exchanged. Use the new one"

LIMIT = timedelta(hours=1)
"""The limit in these tests: on any machine the requests of a test arrive earlier."""

PassTime = Callable[[], None]


@pytest.fixture(autouse=True)
def _long_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.sessions.LOST_RESPONSE_TIMEOUT", LIMIT)


@pytest.fixture
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of all sample users in PostgreSQL, or in the store that the test names."""
    chosen: dict[str, str] = request.getfixturevalue(getattr(request, "param", "postgres_environ"))
    return chosen


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    """A client of a new application."""
    return client_of(environ)


@pytest.fixture
def pass_time(environ: dict[str, str]) -> PassTime:
    """Make the limit of all spent tokens end."""
    return lambda: age_rotations(engine_of(environ), LIMIT)


def refusal(client: FlaskClient, token: str) -> str:
    return error_message(send_refresh(client, token), 400, "invalid_refresh_token")


def assert_in_progress(client: FlaskClient, token: str) -> None:
    response = send_refresh(client, token)
    assert error_message(response, 503, "refresh_in_progress") == JUST_EXCHANGED
    assert response.headers["Retry-After"] == "2"


def row_of(environ: dict[str, str], client: FlaskClient, tokens: Tokens) -> SessionRow:
    row = SessionTable(engine_of(environ)).find(claims_of(client, tokens.access)["sid"])
    assert row is not None
    return row


@pytest.mark.parametrize("environ", ["sqlite_environ", "postgres_environ"], indirect=True)
def test_refresh_can_be_retried_once_if_its_response_was_lost(client: FlaskClient, pass_time: PassTime) -> None:
    first = log_in(client)
    lost = send_refresh(client, first.refresh)
    assert_in_progress(client, first.refresh)
    pass_time()
    second = tokens_in(send_refresh(client, first.refresh))
    assert guard_error(client, second.access) == ""
    third = refresh(client, second)
    assert refusal(client, first.refresh) == SPENT
    assert refusal(client, third.refresh) == NEVER
    assert [guard_error(client, tokens.access) for tokens in (first, second, third)] == ["revoked_token"] * 3
    lost.close()


def test_retry_works_after_several_lost_responses(client: FlaskClient, pass_time: PassTime) -> None:
    tokens, lost = log_in(client), []
    for _ in range(3):
        lost.append(send_refresh(client, tokens.refresh))
        assert_in_progress(client, tokens.refresh)
        pass_time()
    again = refresh(client, tokens)
    assert guard_error(client, refresh(client, again).access) == ""
    assert [response.status_code for response in lost] == [200] * 3


def test_response_that_arrives_after_the_retry_has_an_invalid_token(client: FlaskClient, pass_time: PassTime) -> None:
    first = log_in(client)
    late = send_refresh(client, first.refresh)
    pass_time()
    second = refresh(client, first)
    late_tokens = tokens_in(late)
    assert refusal(client, late_tokens.refresh) == SPENT
    assert refusal(client, second.refresh) == NEVER


def test_late_response_does_not_confirm_the_delivery_of_a_later_one(client: FlaskClient, pass_time: PassTime) -> None:
    first = log_in(client)
    late = send_refresh(client, first.refresh)
    pass_time()
    lost_too = send_refresh(client, first.refresh)
    tokens_in(late)
    pass_time()
    assert guard_error(client, refresh(client, first).access) == ""
    assert lost_too.status_code == 200


@pytest.mark.parametrize("environ", ["sqlite_environ", "postgres_environ"], indirect=True)
def test_spent_token_is_reuse_after_the_limit_however_often_it_was_presented(
    environ: dict[str, str], client: FlaskClient, pass_time: PassTime
) -> None:
    first = log_in(client)
    second = refresh(client, first)
    before = row_of(environ, client, second)
    for _ in range(20):
        assert_in_progress(client, first.refresh)
    assert row_of(environ, client, second) == before  # with the time of the rotation
    assert guard_error(client, second.access) == ""
    pass_time()
    assert refusal(client, first.refresh) == SPENT
    assert refusal(client, second.refresh) == NEVER
    assert guard_error(client, second.access) == "revoked_token"


def test_only_one_of_two_concurrent_retries_succeeds(client: FlaskClient, pass_time: PassTime) -> None:
    first = log_in(client)
    lost = send_refresh(client, first.refresh)
    pass_time()
    assert present_concurrently(client, first.refresh, 2) == [200, 503]
    assert lost.status_code == 200


def present_concurrently(client: FlaskClient, token: str, count: int) -> list[int]:
    """Present a refresh token in several threads; return the statuses in ascending order."""
    start = Barrier(count)

    def present(_: int) -> int:
        own_client = client.application.test_client()
        start.wait(60)
        response = send_refresh(own_client, token)
        response.get_data()
        return response.status_code

    with ThreadPoolExecutor(count) as threads:
        return sorted(threads.map(present, range(count)))


@pytest.mark.parametrize("environ", ["sqlite_environ", "postgres_environ"], indirect=True)
def test_one_of_concurrent_refreshes_gets_tokens_and_the_session_lasts(
    environ: dict[str, str], client: FlaskClient, pass_time: PassTime
) -> None:
    first = log_in(client)
    assert present_concurrently(client, first.refresh, 12) == [200] + [503] * 11
    assert guard_error(client, first.access) == ""
    wait_until(lambda: row_of(environ, client, first).delivered)
    pass_time()
    assert present_concurrently(client, first.refresh, 12) == [400] * 12


def test_slow_concurrent_refresh_is_not_reuse(
    environ: dict[str, str], client: FlaskClient, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, others = log_in(client), []
    rotate = SessionTable.rotate

    def rotate_after_the_other_tab(*arguments: Any) -> bool:
        monkeypatch.setattr(SessionTable, "rotate", rotate)
        others.append(refresh(client.application.test_client(), first))
        pass_time()
        return rotate(*arguments)

    monkeypatch.setattr(SessionTable, "rotate", rotate_after_the_other_tab)
    assert_in_progress(client, first.refresh)
    assert row_of(environ, client, first).delivered
    assert guard_error(client, refresh(client, others[0]).access) == ""


@pytest.mark.parametrize("environ", ["sqlite_environ", "postgres_environ"], indirect=True)
def test_tabs_that_read_the_newest_token_after_a_503_stay_logged_in(client: FlaskClient) -> None:
    tokens, count = log_in(client), 4
    storage = {"refresh_token": tokens.refresh}
    statuses: list[int] = []
    expiry = Barrier(count)

    def refresh_when_the_access_token_expires(_: int) -> None:
        tab = client.application.test_client()
        for _ in range(5):
            expiry.wait(60)
            expired = storage["refresh_token"]
            expiry.wait(60)
            while storage["refresh_token"] == expired:
                response = send_refresh(tab, expired)
                statuses.append(response.status_code)
                if response.status_code == 200:
                    storage["refresh_token"] = tokens_in(response).refresh

    with ThreadPoolExecutor(count) as tabs:
        list(tabs.map(refresh_when_the_access_token_expires, range(count)))
    assert set(statuses) == {200, 503}
    assert statuses.count(200) == 5
    assert guard_error(client, refresh(client, Tokens("", storage["refresh_token"])).access) == ""


def test_only_the_latest_spent_token_can_be_retried(client: FlaskClient) -> None:
    older = log_in(client)
    old = refresh(client, older)
    lost = send_refresh(client, old.refresh)
    assert refusal(client, older.refresh) == SPENT
    assert refusal(client, old.refresh) == NEVER
    assert lost.status_code == 200


def test_use_of_a_refresh_token_confirms_its_delivery(client: FlaskClient) -> None:
    first = log_in(client)
    second = send_refresh(client, first.refresh)
    read = second.get_json()  # the delivery is recorded after the whole body is read
    third = tokens_in(send_refresh(client, read["refresh_token"]))
    assert refusal(client, first.refresh) == SPENT
    assert guard_error(client, third.access) == "revoked_token"


def test_oauth_client_gets_503_and_can_retry(environ: dict[str, str], pass_time: PassTime) -> None:
    client = oauth_app(environ).test_client()
    first = granted_tokens(token_by_oauth(client))
    granted_tokens(refresh_by_oauth(client, first["refresh_token"]))
    response = refresh_by_oauth(client, first["refresh_token"])
    assert oauth_error(response, 503, "temporarily_unavailable") == JUST_EXCHANGED
    assert response.headers["Retry-After"] == "2"
    pass_time()
    assert oauth_error(refresh_by_oauth(client, first["refresh_token"]), 400, "invalid_grant") == SPENT


def test_concurrent_refresh_is_not_logged_as_a_failure(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    first = log_in(client)
    refresh(client, first)
    assert_in_progress(client, first.refresh)
    assert [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}] == []


def test_retry_after_the_time_in_the_header_is_past_the_limit() -> None:
    assert timedelta(seconds=2) >= LOST_RESPONSE_TIMEOUT


def serve(client: FlaskClient, token: str, *, until: int, close: bool) -> None:
    """Call the application as a server that asks for blocks until it has a part of the body, and then stops.

    `until` is the number of bytes by which the part is shorter than Content-Length; -1 also asks for the end.
    """
    environ = EnvironBuilder("/api/auth/refresh", json={"refresh_token": token}, method="POST").get_environ()
    lengths: list[int] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
        assert status == "200 OK"
        lengths.append(int(dict(headers)["Content-Length"]))
        return lambda _: None

    body = client.application(environ, start_response)
    sent = 0
    for block in body:
        sent += len(block)
        if sent >= lengths[0] - until:
            break
    if close:
        body.close()  # type: ignore[attr-defined]  # PEP 3333: if it exists


@pytest.mark.parametrize("close", [True, False], ids=["closed", "dropped"])
@pytest.mark.parametrize(("until", "delivered"), [(1, False), (0, True), (-1, True)])
def test_token_is_delivered_if_the_server_asks_for_the_last_byte(
    environ: dict[str, str], client: FlaskClient, until: int, delivered: bool, close: bool
) -> None:
    first = log_in(client)
    serve(client, first.refresh, until=until, close=close)
    assert row_of(environ, client, first).delivered == delivered
