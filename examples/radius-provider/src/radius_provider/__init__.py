"""The provider `radius`: a RADIUS server verifies the login and the password (RFC 2865)."""

import io
from collections.abc import Mapping

from pyrad.client import Client, Timeout
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept

from latchkey import ConfigurationError, Problem, ProviderUnavailable, User

TIMEOUT = 1
"""Seconds to wait for a response to each of the ATTEMPTS. Latchkey allows 10 for a login."""
ATTEMPTS = 3
MAX_PASSWORD_LENGTH = 128
"""Bytes (RFC 2865 §5.2). A longer password cannot be sent, so it is wrong."""
MAX_LOGIN_LENGTH = 253
ATTRIBUTES = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 octets
ATTRIBUTE Filter-Id 11 string
ATTRIBUTE Message-Authenticator 80 octets
"""
"""The attributes that the provider uses. Each Filter-Id of a user is a role."""


class RadiusProvider:
    """Sends an Access-Request for each login. Thread-safe: each request has a socket of its own."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        self._host, self._port, self._secret = host, port, secret.encode()
        self._attributes = Dictionary(io.StringIO(ATTRIBUTES))

    def authenticate(self, login: str, password: str) -> User | None:
        """Return the user, with the name that the server sends, or None if the server rejects the login."""
        login = login.casefold()
        if len(password.encode()) > MAX_PASSWORD_LENGTH or len(login.encode()) > MAX_LOGIN_LENGTH:
            return None
        # Without a Message-Authenticator, an attacker can turn a rejection into an acceptance (CVE-2024-3596).
        client = Client(
            self._host, self._port, secret=self._secret, dict=self._attributes,
            retries=ATTEMPTS, timeout=TIMEOUT, enforce_ma=True,
        )  # fmt: skip
        request = client.CreateAuthPacket(User_Name=login)
        request["User-Password"] = request.PwCrypt(password)
        try:
            reply = client.SendPacket(request)
        except Timeout:
            raise ProviderUnavailable(f"the RADIUS server {self._host} does not respond") from None
        finally:
            client._CloseSocket()  # noqa: SLF001 - it has no other method for this
        if reply.code != AccessAccept:
            return None
        username = reply.get("User-Name", [login])[0]
        return User(username=username, email=None, roles=[*reply.get("Filter-Id", [])])


def open_radius(environ: Mapping[str, str]) -> RadiusProvider:
    """Return the provider for RADIUS_SERVER (`host` or `host:port`) and RADIUS_SECRET."""
    host, _, port = environ["RADIUS_SERVER"].partition(":")
    if not host or not (port or "1812").isdecimal():
        raise ConfigurationError([Problem("RADIUS_SERVER", "is not host:port", "Set it to the address of the server")])
    return RadiusProvider(host, int(port or 1812), environ["RADIUS_SECRET"])
