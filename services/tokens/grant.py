"""The grant: the tokens that a client receives after a login or a refresh (RFC 6749 §5.1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.interface import RequestFailed
from services.identity import Identity
from services.tokens.issuer import IssuedToken, TokenIssuer


@dataclass(frozen=True)
class Grant:
    """The tokens for a client."""

    token: IssuedToken
    """The access token."""
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str | None = field(default=None, repr=False)
    """`None` if the access token does not belong to a session."""
    mark_delivered: Callable[[], None] | None = None
    """Call it when the server has sent the response with the tokens; `None` if nothing needs to be recorded."""

    @property
    def access_token(self) -> str:
        """The access token as the client receives it."""
        return self.token.text


def grant_without_session(issuer: TokenIssuer, user: Identity, client_id: str) -> Grant:
    """Return an access token that does not belong to a session, without a refresh token. Raises RequestFailed."""
    return Grant(issue_token(issuer, {**user, "client_id": client_id}), issuer.lifetime_seconds())


def issue_token(issuer: TokenIssuer, payload: Mapping[str, Any]) -> IssuedToken:
    """Return an access token with the claims in `payload`, which a provider or the settings give.

    Raises RequestFailed if the token would be invalid: it is too long if it has hundreds of roles.
    """
    try:
        return issuer.issue(payload)
    except ValueError as error:
        raise RequestFailed(str(error), payload.get("idp")) from None
