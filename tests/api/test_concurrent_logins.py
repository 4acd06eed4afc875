"""LOGIN_CONCURRENCY: the maximum number of concurrent logins, on every path that takes a password."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config.errors import ConfigurationError
from services.context import services_of
from tests.support.error_responses import error_message
from tests.support.stores import SECRET_KEY, user_table
from tests.support.users import ZOE

LIMIT = 2
CREDENTIALS = {"email": ZOE.email, "password": ZOE.password}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    environ = {
        **user_table(f"sqlite:///{tmp_path}/users.db", [ZOE]),
        "SECRET_KEY": SECRET_KEY,
        "LOGIN_CONCURRENCY": str(LIMIT),
        "OAUTH_CLIENTS": "mobile",
        "OAUTH_PASSWORD_GRANT": "true",
    }
    return create_app(environ).test_client()


def occupy(client: FlaskClient, slots: int, occupied: ExitStack) -> None:
    for _ in range(slots):
        occupied.enter_context(services_of(client.application).chain.logins)


def log_in(client: FlaskClient) -> TestResponse:
    return client.post("/api/auth", json=CREDENTIALS)


def use_password_grant(client: FlaskClient) -> TestResponse:
    form = {"grant_type": "password", "client_id": "mobile", "username": ZOE.email, "password": ZOE.password}
    return client.post("/oauth/token", data=form)


@pytest.fixture
def token(client: FlaskClient) -> str:
    return str(log_in(client).json["data"])  # type: ignore[index]


@pytest.fixture
def change_password(token: str) -> Callable[[FlaskClient], TestResponse]:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"password": ZOE.password, "new_password": "lampshade quarry violin 9"}
    return lambda client: client.post("/api/auth/password", json=body, headers=headers)


@pytest.mark.parametrize("path", ["login", "password grant", "password change"])
def test_excess_login_is_503_on_every_path_that_takes_a_password(
    client: FlaskClient, change_password: Callable[[FlaskClient], TestResponse], path: str
) -> None:
    send = {"login": log_in, "password grant": use_password_grant, "password change": change_password}[path]
    with ExitStack() as occupied:
        occupy(client, LIMIT, occupied)
        response = send(client)
        if path == "password grant":
            assert (response.status_code, response.json["error"]) == (503, "temporarily_unavailable")  # type: ignore[index]
        else:
            assert error_message(response, 503, "overloaded") == "Too many concurrent requests"
        assert response.headers["Retry-After"] == "1"
    assert send(client).status_code == 200


@pytest.mark.parametrize("occupied_slots", range(LIMIT))
def test_login_below_the_limit_is_accepted(client: FlaskClient, occupied_slots: int) -> None:
    with ExitStack() as occupied:
        occupy(client, occupied_slots, occupied)
        assert log_in(client).status_code == 200


def test_full_logins_do_not_prevent_a_refresh(client: FlaskClient) -> None:
    refresh_token = log_in(client).json["refresh_token"]  # type: ignore[index]
    with ExitStack() as occupied:
        occupy(client, LIMIT, occupied)
        assert client.post("/api/auth/refresh", json={"refresh_token": refresh_token}).status_code == 200


@pytest.mark.parametrize("value", ["0", "-1", "1001", "many", "2.5"])
def test_invalid_limit_prevents_a_start(static_environ: dict[str, str], value: str) -> None:
    with pytest.raises(ConfigurationError, match="LOGIN_CONCURRENCY is invalid") as raised:
        create_app({**static_environ, "SECRET_KEY": SECRET_KEY, "LOGIN_CONCURRENCY": value})
    assert len(raised.value.lines) == 1
