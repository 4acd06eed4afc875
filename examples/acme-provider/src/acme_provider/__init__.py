"""The provider `acme`: an HTTP service verifies the login and the password."""

from collections.abc import Mapping

import requests

from latchkey import ConfigurationError, Problem, User

TIMEOUT = 3
"""Seconds for the connection, and for each wait for a response. Latchkey allows 10 for a login."""


class AcmeProvider:
    """Asks the service about each login. Thread-safe: each request has a connection of its own."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def authenticate(self, login: str, password: str) -> User | None:
        """Return the user, or None if the service denies the login. Every other response is an outage."""
        body = {"login": login, "password": password}
        response = requests.post(self._url, json=body, headers=self._headers, timeout=TIMEOUT, allow_redirects=False)
        if response.status_code == requests.codes.unauthorized:
            return None
        response.raise_for_status()
        user = response.json()
        return User(username=user["username"], email=user["email"], roles=user["roles"])


def open_acme(environ: Mapping[str, str]) -> AcmeProvider:
    """Return the provider for ACME_URL and ACME_TOKEN. A missing variable is reported by Latchkey."""
    url = environ["ACME_URL"]
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise ConfigurationError([Problem("ACME_URL", "is not an https URL", "Set it to the URL for logins of acme")])
    return AcmeProvider(url, environ["ACME_TOKEN"])
