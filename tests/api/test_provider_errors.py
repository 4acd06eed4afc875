"""The responses when a custom provider fails."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from providers.interface import Denied, Overloaded, ProviderUnavailable
from tests.support.error_responses import error_message
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE

SECRET = "a detail that no client may read"
INTERNAL_ERROR = "Internal server error"
CREDENTIALS = {"email": ZOE.email, "password": ZOE.password}


class LostConnection(ConnectionError):
    """An error that a database driver could raise."""


ERRORS: dict[str, type[Exception]] = {
    "unavailable": ProviderUnavailable,
    "connection": LostConnection,
    "time": TimeoutError,
    "overloaded": Overloaded,
    "bug": KeyError,
}
INVALID_USERS: dict[str, object] = {
    "true": True,
    "false": False,
    "text": SECRET,
    "empty": {},
    "no roles": {"username": SECRET, "email": None},
    "one role": {"username": SECRET, "email": None, "roles": "admin"},
    "roles of numbers": {"username": SECRET, "email": None, "roles": [1]},
    "name of bytes": {"username": SECRET.encode(), "email": None, "roles": []},
    "empty name": {"username": "", "email": None, "roles": []},
    "name with NUL": {"username": f"{SECRET}\0", "email": None, "roles": []},
    "tuple": (SECRET, None, []),
}


class Faulty:
    """Fails or returns an invalid user, as its setting FAULTY names it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.behavior = environ["FAULTY"]

    def authenticate(self, login: str, password: str) -> Any:
        if self.behavior in ERRORS:
            raise ERRORS[self.behavior](SECRET)
        return INVALID_USERS[self.behavior]


class FailingLookup:
    """Loses its connection during a lookup only."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> Denied:
        return Denied("unknown_user")

    def find(self, username: str) -> None:
        raise LostConnection(SECRET)


def client_of(behavior: str) -> FlaskClient:
    environ = {"AUTH_PROVIDER": f"{__name__}:Faulty", "FAULTY": behavior, "SECRET_KEY": SECRET_KEY}
    return create_app(environ).test_client()


@pytest.mark.parametrize("behavior", ["unavailable", "connection", "time"])
def test_unavailable_store_is_503(caplog: pytest.LogCaptureFixture, behavior: str) -> None:
    response = client_of(behavior).post("/api/auth", json=CREDENTIALS)
    assert error_message(response, 503, "provider_unavailable") == "Credential store unavailable"
    assert response.headers["Retry-After"] == "5"
    assert response.headers["X-Request-ID"] in caplog.text
    assert SECRET in caplog.text


def test_overload_is_503(caplog: pytest.LogCaptureFixture) -> None:
    response = client_of("overloaded").post("/api/auth", json=CREDENTIALS)
    assert error_message(response, 503, "overloaded") == "Too many concurrent requests"
    assert response.headers["Retry-After"] == "1"
    assert response.headers["X-Request-ID"] in caplog.text


@pytest.mark.parametrize("behavior", ["bug", *INVALID_USERS])
def test_broken_provider_is_500_without_details(caplog: pytest.LogCaptureFixture, behavior: str) -> None:
    response = client_of(behavior).post("/api/auth", json=CREDENTIALS)
    assert error_message(response, 500, "internal_error") == INTERNAL_ERROR
    assert response.headers["X-Request-ID"] in caplog.text
    assert ZOE.password not in caplog.text


def test_invalid_user_from_a_provider_is_logged_without_its_values(caplog: pytest.LogCaptureFixture) -> None:
    client_of("one role").post("/api/auth", json=CREDENTIALS)
    assert (
        f"({__name__}.Faulty) returned an invalid user from authenticate: roles must be a list, not a str"
        in caplog.text
    )
    assert SECRET not in caplog.text


def test_connection_lost_during_a_lookup_is_503(static_environ: dict[str, str]) -> None:
    chain = {**static_environ, "AUTH_PROVIDER": f"{__name__}:FailingLookup,static", "SECRET_KEY": SECRET_KEY}
    response = create_app(chain).test_client().post("/api/auth", json=CREDENTIALS)
    assert error_message(response, 503, "provider_unavailable") == "Credential store unavailable"


@pytest.mark.parametrize("behavior", ["unavailable", "overloaded", "bug"])
def test_malformed_credentials_never_reach_a_store(behavior: str) -> None:
    for name, password in [("a\0b", "x"), ("x" * 257, "x"), ("x", "x\0"), ("x", "x" * 1025), ("\ud800", "x")]:
        response = client_of(behavior).post("/api/auth", json={"email": name, "password": password})
        assert error_message(response, 400, "invalid_credentials") == "Invalid credentials"
