"""Fixtures of pytest for an application with guarded routes: its settings, and clients with given roles.

Load them with `pytest_plugins = ["latchkey.testing"]`, and define a fixture `app` that returns the application.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from providers.interface import User

_SECRET_KEY = secrets.token_hex(32)
# An application may be created once for all tests, so the users are not in a provider of one test.
_users: dict[str, User] = {}
_PASSWORD = secrets.token_urlsafe(16)


class _Users:
    """The provider of the tests: users in memory, who have the same password."""

    def authenticate(self, login: str, password: str) -> User | None:
        return _users.get(login) if password == _PASSWORD else None

    def find(self, username: str) -> User | None:
        return _users.get(username)


def open_users(_environ: Mapping[str, str]) -> _Users:
    """Return the provider of the tests."""
    return _Users()


@pytest.fixture
def latchkey_environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the settings of a service with users in memory. During the test they are variables of the process."""
    environ = {
        "SECRET_KEY": _SECRET_KEY,
        "SECRET_KEY_FILE": "",
        "AUTH_PROVIDER": "latchkey.testing:open_users",
        "AUTH_SKIP_UNAVAILABLE": "",
        "SIGNING_KEYS_DIR": "",
        "DATABASE_URL": "",
        "DATABASE_URL_FILE": "",
        "LOGIN_ATTEMPTS_PER_ADDRESS": "1000000/minute",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


@pytest.fixture
def token_of(app: Any) -> Iterator[Callable[..., str]]:
    """Yield a function that logs a user with these roles in, and returns the access token: `token_of("sales")`.

    The keyword `username` is the user's name, by default `zoe`.
    """

    def log_in(*roles: str, username: str = "zoe") -> str:
        _users[username] = User(username=username, email=f"{username}@example.org", roles=[*roles])
        response = app.test_client().post("/api/auth", json={"email": username, "password": _PASSWORD})
        if response.status_code != 200:  # noqa: PLR2004
            pytest.fail(f"the login of {username} failed: {response.get_data(as_text=True)}", pytrace=False)
        token: str = response.get_json()["data"]
        return token

    yield log_in
    _users.clear()


@pytest.fixture
def client_as(app: Any, token_of: Callable[..., str]) -> Callable[..., Any]:
    """Return a function that returns a test client of a user with these roles: `client_as("sales").get("/orders")`."""

    def create_client(*roles: str, username: str = "zoe") -> Any:
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token_of(*roles, username=username)}"
        return client

    return create_client
