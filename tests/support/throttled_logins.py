"""Logins from addresses, up to the default limits of the login throttle."""

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

HOME, OFFICE = "192.0.2.1", "2001:db8::1"
WRONG = "not the password of any user"
PER_ACCOUNT, PER_PLACE, PER_ADDRESS = 10, 5, 100
"""The default limits."""


def log_in(client: FlaskClient, login: object, password: object = WRONG, address: str = HOME) -> TestResponse:
    headers = {"X-Forwarded-For": address}
    return client.post("/api/auth", json={"email": login, "password": password}, headers=headers)


def strangers(count: int = PER_ACCOUNT) -> list[str]:
    """Return addresses from which no user has logged in."""
    return [f"198.51.100.{number}" for number in range(1, count + 1)]


def exhaust(client: FlaskClient, login: str) -> None:
    """Fail logins from many addresses, until a login from a further one would be refused."""
    assert {log_in(client, login, address=address).status_code for address in strangers()} == {400}
