"""The grant: the tokens that a client receives after a login or a refresh (RFC 6749 §5.1)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.identity import Identity
from services.tokens.issuer import IssuedToken, TokenIssuer


def _do_nothing() -> None:
    pass


@dataclass(frozen=True)
class Grant:
    """The tokens for a client."""

    token: IssuedToken
    """The access token."""
    expires_in: int
    """Seconds until the access token expires."""
    refresh_token: str | None = field(default=None, repr=False)
    """`None` if the access token does not belong to a session."""
    mark_delivered: Callable[[], None] = _do_nothing
    """Call it when the server has sent the response with the tokens."""

    @property
    def access_token(self) -> str:
        """The access token as the client receives it."""
        return self.token.text


def grant_without_session(issuer: TokenIssuer, user: Identity, client_id: str) -> Grant:
    """Return an access token that does not belong to a session, without a refresh token."""
    return Grant(issuer.issue({**user, "client_id": client_id}), issuer.lifetime_seconds())
