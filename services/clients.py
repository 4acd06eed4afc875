"""The registered OAuth clients, and how they authenticate."""

import hmac
from collections.abc import Iterable
from urllib.parse import unquote_plus

from audit.events import Event, write_event
from config.clients import Client
from config.subjects import CLIENT_PREFIX
from providers.interface import Denied
from services.tokens.grant import Grant, issue_token
from services.tokens.issuer import TokenIssuer

UNKNOWN_CLIENT = "unknown_client"


class Clients:
    """The registered clients. Immutable, so thread-safe."""

    def __init__(self, registered: Iterable[Client], password_grant: bool) -> None:
        """`password_grant` is whether the clients may send a user's password (RFC 6749 §4.3, RFC 9700 §2.4)."""
        self.password_grant = password_grant
        self._by_id = {client.id: client for client in registered}
        self.roles = frozenset(role for client in self._by_id.values() for role in client.roles)
        """The roles of the access tokens that clients obtain for themselves."""
        self.client_credentials_grant = bool(self.roles)
        """Whether a client can obtain an access token for itself (RFC 6749 §4.4)."""

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


def grant_to_client(issuer: TokenIssuer, client: Client) -> Grant | Denied:
    """Return an access token for the client itself, without a refresh token (RFC 6749 §4.4).

    Return a `Denied` if the client has no roles, or no secret. Raises RequestFailed if it has too many roles for a
    token. Writes the event of the client.
    """
    if client.secret is None or not client.roles:
        denied = Denied("public_client" if client.secret is None else "no_roles")
        write_event(Event.CLIENT_DENIED, reason=denied.reason, client=client.id)
        return denied
    subject = f"{CLIENT_PREFIX}{client.id}"
    token = issue_token(issuer, {"sub": subject, "roles": [*client.roles], "client_id": client.id})
    write_event(Event.CLIENT_ACCEPTED, account=subject, client=client.id, jti=token.claims["jti"], kid=token.key_id)
    return Grant(token, issuer.lifetime_seconds())


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
