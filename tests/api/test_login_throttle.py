"""The login throttle: failures of an account and logins of an address, on every path that takes a password."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from services.auth_provider import authenticate
from services.throttle.errors import Throttled
from tests.support.audit_events import events_in
from tests.support.stores import DEFAULT_LIMITS, SECRET_KEY, cheapest_hash, user_table
from tests.support.throttled_logins import (
    HOME,
    OFFICE,
    PER_ACCOUNT,
    PER_ADDRESS,
    PER_PLACE,
    WRONG,
    exhaust,
    log_in,
    strangers,
)
from tests.support.users import SAMPLE_USERS, ZOE

UNKNOWN = "nobody@example.org"
NEW_PASSWORD = "lampshade quarry violin 9"
PERIOD = 15 * 60


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        **user_table(f"sqlite:///{tmp_path}/users.db", SAMPLE_USERS, cheapest_hash),
        **DEFAULT_LIMITS,
        "SECRET_KEY": SECRET_KEY,
        "OAUTH_CLIENTS": "mobile",
        "OAUTH_PASSWORD_GRANT": "true",
        "TRUSTED_PROXIES": "1",
    }


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return create_app(environ).test_client()


def use_password_grant(client: FlaskClient, login: str, password: str, address: str) -> TestResponse:
    form = {"grant_type": "password", "client_id": "mobile", "username": login, "password": password}
    return client.post("/oauth/token", data=form, headers={"X-Forwarded-For": address})


def essence(response: TestResponse) -> tuple[int, bytes, dict[str, str]]:
    """Return the response without what differs in every response, and with an approximate time."""
    headers = {name: text for name, text in response.headers.items() if name != "X-Request-ID"}
    if "Retry-After" in headers:
        assert PERIOD - 60 <= int(headers.pop("Retry-After")) <= PERIOD
    return response.status_code, response.data, headers


def test_failures_from_one_address_are_refused_after_half_the_limit_of_the_account(client: FlaskClient) -> None:
    assert [log_in(client, ZOE.email).status_code for _ in range(PER_PLACE + 2)] == [400] * PER_PLACE + [429] * 2
    assert log_in(client, ZOE.email, ZOE.password).status_code == 429


def test_one_address_cannot_lock_a_user_out_elsewhere(client: FlaskClient) -> None:
    for _ in range(3 * PER_ACCOUNT):
        log_in(client, ZOE.email, address=OFFICE)
    assert log_in(client, ZOE.email, ZOE.password).status_code == 200


def test_failures_from_many_addresses_are_refused_at_the_limit_of_the_account(client: FlaskClient) -> None:
    exhaust(client, ZOE.email)
    assert log_in(client, ZOE.email).status_code == 429
    assert log_in(client, ZOE.email, ZOE.password).status_code == 429


def test_successful_user_is_not_stopped_by_failures_elsewhere(client: FlaskClient) -> None:
    assert log_in(client, ZOE.email, ZOE.password).status_code == 200
    exhaust(client, ZOE.email)
    exhaust(client, ZOE.username)
    assert log_in(client, ZOE.email, ZOE.password).status_code == 200
    assert log_in(client, ZOE.username, ZOE.password).status_code == 200
    assert log_in(client, ZOE.email, ZOE.password, OFFICE).status_code == 429


def test_failures_from_a_known_address_are_limited_too(client: FlaskClient) -> None:
    log_in(client, ZOE.email, ZOE.password)
    assert [log_in(client, ZOE.email).status_code for _ in range(PER_PLACE + 1)] == [400] * PER_PLACE + [429]


def test_success_forgets_the_failures_from_the_same_address_only(client: FlaskClient) -> None:
    for address in (HOME, OFFICE):
        for _ in range(PER_PLACE - 1):
            log_in(client, ZOE.email, address=address)
    log_in(client, ZOE.email, ZOE.password)
    assert [log_in(client, ZOE.email).status_code for _ in range(PER_PLACE)] == [400] * PER_PLACE
    assert [log_in(client, ZOE.email, address=OFFICE).status_code for _ in range(2)] == [400, 429]


@pytest.mark.parametrize(
    "login", [ZOE.email.upper(), f"  {ZOE.email} ", "ｚｏｅ@example.org", "zo\u0065\u0301@example.org"]
)
def test_other_spellings_of_a_login_count_together(client: FlaskClient, login: str) -> None:
    exhaust(client, "zoe@example.org")
    assert log_in(client, login).status_code == 429


def test_unknown_account_is_answered_exactly_as_a_known_one(client: FlaskClient) -> None:
    known, unknown = (
        [essence(log_in(client, login, address=address)) for address in [*strangers(), *[HOME] * 3]]
        for login in (ZOE.email, UNKNOWN)
    )
    assert known == unknown
    assert [status for status, *_ in known] == [400] * PER_ACCOUNT + [429] * 3


def test_email_of_a_throttled_username_is_answered_like_an_unknown_login(client: FlaskClient) -> None:
    exhaust(client, ZOE.username)
    addresses = [*[HOME] * (PER_PLACE + 1), *[OFFICE] * (PER_PLACE + 1)]
    known, unknown = (
        [essence(log_in(client, login, address=at)) for at in addresses] for login in (ZOE.email, UNKNOWN)
    )
    assert known == unknown


def test_username_and_email_are_not_two_chances_to_guess(client: FlaskClient) -> None:
    exhaust(client, ZOE.username)
    guessed = log_in(client, ZOE.email, ZOE.password)
    assert essence(guessed) == essence(log_in(client, UNKNOWN))
    assert guessed.status_code == 400


def test_right_and_wrong_guesses_are_refused_after_the_same_number(client: FlaskClient) -> None:
    exhaust(client, ZOE.username)
    right, wrong = (
        [essence(log_in(client, ZOE.email, password, at)) for _ in range(PER_PLACE + 1)]
        for password, at in ((ZOE.password, HOME), (WRONG, OFFICE))
    )
    assert right == wrong


def test_response_to_a_throttled_login_has_the_usual_members(client: FlaskClient) -> None:
    exhaust(client, ZOE.email)
    response = log_in(client, ZOE.email)
    assert response.json == {"status": 429, "message": "Too many logins. Try again later", "code": "too_many_logins"}
    assert PERIOD - 60 <= int(response.headers["Retry-After"]) <= PERIOD
    assert response.headers["Cache-Control"] == "no-store"


def test_response_of_the_token_endpoint_has_the_members_of_rfc_6749(client: FlaskClient) -> None:
    exhaust(client, ZOE.email)
    response = use_password_grant(client, ZOE.email, ZOE.password, HOME)
    assert (response.status_code, response.json) == (
        429,
        {"error": "temporarily_unavailable", "error_description": "Too many logins. Try again later"},
    )
    assert PERIOD - 60 <= int(response.headers["Retry-After"]) <= PERIOD


def _log_in(client: FlaskClient, login: str, password: str, address: str) -> int:
    return log_in(client, login, password, address).status_code


def _use_password_grant(client: FlaskClient, login: str, password: str, address: str) -> int:
    return use_password_grant(client, login, password, address).status_code


def _call_authenticate(client: FlaskClient, login: str, password: str, address: str) -> int:
    """Call the tutorial's function in a request, as a view does."""
    with client.application.test_request_context(headers={"X-Forwarded-For": address}):
        try:
            return 200 if authenticate(login, password) else 400
        except Throttled:
            return 429


PATHS: Mapping[str, Callable[[FlaskClient, str, str, str], int]] = {
    "POST /api/auth": _log_in,
    "POST /oauth/token": _use_password_grant,
    "authenticate()": _call_authenticate,
}


@pytest.mark.parametrize("attempted", PATHS)
@pytest.mark.parametrize("refused", PATHS)
def test_all_paths_that_take_a_password_count_together(client: FlaskClient, attempted: str, refused: str) -> None:
    for address in strangers():
        assert PATHS[attempted](client, ZOE.email, WRONG, address) == 400
    assert PATHS[refused](client, ZOE.email, ZOE.password, HOME) == 429


def change_password(client: FlaskClient, token: str, password: str, address: str) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
    return client.post("/api/auth/password", json={"password": password, "new_password": NEW_PASSWORD}, headers=headers)


def test_stolen_token_does_not_allow_guessing_the_password(client: FlaskClient) -> None:
    token = log_in(client, ZOE.email, ZOE.password).get_json()["data"]
    guesses = [change_password(client, token, WRONG, OFFICE).status_code for _ in range(PER_PLACE + 1)]
    assert guesses == [400] * PER_PLACE + [429]
    assert change_password(client, token, ZOE.password, OFFICE).status_code == 429
    assert log_in(client, ZOE.username, ZOE.password, OFFICE).status_code == 429
    assert change_password(client, token, ZOE.password, HOME).status_code == 200


@pytest.mark.parametrize("password", ["", " ", "\0", "x" * 2000, None, 5])
def test_malformed_password_counts_like_a_wrong_one_if_it_is_judged(client: FlaskClient, password: object) -> None:
    statuses = [log_in(client, ZOE.email, password).status_code for _ in range(PER_PLACE + 1)]
    is_judged = isinstance(password, str) and password.strip()
    assert statuses == [400] * PER_PLACE + [429 if is_judged else 400]


def test_logins_from_one_address_are_limited_with_any_names(client: FlaskClient) -> None:
    logins = [f"user{number}@example.org" for number in range(PER_ADDRESS + 1)]
    assert [log_in(client, login).status_code for login in logins] == [400] * PER_ADDRESS + [429]
    refused = log_in(client, ZOE.email, ZOE.password)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_logins")
    assert log_in(client, ZOE.email, ZOE.password, OFFICE).status_code == 200


def test_addresses_of_one_ipv6_network_count_together(environ: dict[str, str]) -> None:
    client = create_app({**environ, "LOGIN_ATTEMPTS_PER_ADDRESS": "3/hour"}).test_client()
    addresses = ["2001:db8::1", "2001:db8::2:3", "2001:db8::ffff:0:0:1", "2001:db8::4", "2001:db8:0:1::1"]
    statuses = [log_in(client, f"{at}@example.org", address=at).status_code for at in addresses]
    assert statuses == [400, 400, 400, 429, 400]


def test_command_without_an_address_is_throttled_by_account(client: FlaskClient) -> None:
    with client.application.app_context():
        for _ in range(PER_PLACE):
            assert not authenticate(ZOE.email, WRONG)
        with pytest.raises(Throttled):
            authenticate(ZOE.email, ZOE.password)
    assert log_in(client, ZOE.email, ZOE.password).status_code == 200


def test_header_is_ignored_without_trusted_proxies(environ: dict[str, str]) -> None:
    client = create_app({**environ, "TRUSTED_PROXIES": ""}).test_client()
    statuses = [log_in(client, ZOE.email, address=address).status_code for address in strangers()]
    assert statuses == [400] * PER_PLACE + [429] * PER_PLACE


def test_throttled_logins_are_events_with_the_address_of_the_client(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    exhaust(client, ZOE.username)
    log_in(client, ZOE.username)
    log_in(client, ZOE.email, ZOE.password)
    refused, denied = events_in(caplog)[-2:]
    assert (refused["event"], refused["reason"], refused["address"]) == ("login_throttled", "throttled", HOME)
    assert (denied["event"], denied["reason"], denied["address"]) == ("login_denied", "throttled", HOME)
