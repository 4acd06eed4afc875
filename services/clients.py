"""The OAuth clients that are registered, and how one proves itself."""

import hmac
from collections.abc import Iterable
from urllib.parse import unquote_plus

from config.clients import Client


class Clients:
    """The registered clients. It never changes, so threads can share it."""

    def __init__(self, registered: Iterable[Client], password_grant: bool) -> None:
        """`password_grant` says whether they may send a user's password (RFC 6749 §4.3)."""
        self.password_grant = password_grant
        self._by_id = {client.id: client for client in registered}

    def authenticate(self, client_id: str, secret: str | None) -> Client | None:
        """Return the client whom this secret proves, `None` if it proves none.

        A client without a secret proves nothing by its id (RFC 6749 §3.2.1); with a secret it is refused.
        """
        client = self._by_id.get(client_id)
        if client is None or (client.secret is None) != (secret is None):
            return None
        if client.secret is None or secret is None:
            return client
        expected = client.secret.get_secret_value().encode()
        # RFC 6749 §2.3.1 wants the secret form-encoded in the header; most clients send it as it is.
        good = [hmac.compare_digest(_octets(one), expected) for one in (secret, unquote_plus(secret))]
        return client if any(good) else None


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
