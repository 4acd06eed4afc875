"""The registered OAuth clients, and how they authenticate."""

import hmac
from collections.abc import Iterable
from urllib.parse import unquote_plus

from config.clients import Client
from providers.interface import Denied

UNKNOWN_CLIENT = "unknown_client"


class Clients:
    """The registered clients. Immutable, so thread-safe."""

    def __init__(self, registered: Iterable[Client], password_grant: bool) -> None:
        """`password_grant` is whether the clients may send a user's password (RFC 6749 §4.3, RFC 9700 §2.4)."""
        self.password_grant = password_grant
        self._by_id = {client.id: client for client in registered}

    def authenticate(self, client_id: str, secret: str | None) -> Client | Denied:
        """Return the client with this id and secret, or a `Denied`, which is falsy.

        A public client has no secret: it is identified, but not authenticated (RFC 6749 §3.2.1). For such a client
        `secret` must be None.
        """
        client = self._by_id.get(client_id)
        if client is None:
            return Denied(UNKNOWN_CLIENT)
        if (client.secret is None) != (secret is None):
            return Denied("missing_secret" if secret is None else "unexpected_secret")
        if client.secret is None or secret is None:
            return client
        expected = client.secret.get_secret_value().encode()
        # RFC 6749 §2.3.1 requires a form-encoded secret in the header; most clients send it unencoded.
        matches = [hmac.compare_digest(_encode(text), expected) for text in (secret, unquote_plus(secret))]
        return client if any(matches) else Denied("wrong_secret")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
