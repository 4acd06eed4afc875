"""What a login gives: an access token, and with a database a session that keeps it alive."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from config.clients import FIRST_PARTY
from providers.interface import Denied
from services.auth_provider import authenticate
from services.chain import Identity
from services.context import current
from services.jwt_handler import TokenIssuer

if TYPE_CHECKING:
    from services.sessions.sessions import Sessions


TRIES = 3
"""How often somebody is asked for anew whose sessions are ended while they log in."""


class SessionsDisabled(Exception):
    """There is no database, so access tokens are all there is: nothing can be refreshed or ended."""


class SessionsUnavailable(Exception):
    """The database of sessions could not be asked; nobody has been judged."""


class InvalidRefreshToken(Exception):
    """The refresh token gives nothing; the text says why, in words fit for the client."""


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Grant:
    """Tokens for a client."""

    access_token: str = field(repr=False)
    expires_in: int
    """Seconds for which the access token is good."""
    refresh_token: str | None = field(default=None, repr=False)
    """`None` where there are no sessions, or the user's provider cannot be asked again."""
    delivered: Callable[[], None] = _nothing
    """To be called when the answer has left."""


def log_in(email: str, password: str, client_id: str = FIRST_PARTY) -> Grant | Denied:
    """Return the first tokens of the user whom these credentials prove, or a `Denied`, which is falsy.

    Raises as `authenticate` does, and SessionsUnavailable.
    """
    services = current()
    for _ in range(TRIES):
        begun = services.sessions.begin_login() if services.sessions else None
        user = authenticate(email, password)
        if not user:
            return user
        if services.sessions is None:
            return access_alone(services.issuer, user, client_id)
        if grant := services.sessions.open(user, client_id, begun):
            return grant
    raise SessionsUnavailable("all that the user had was ended, again and again")


def access_alone(issuer: TokenIssuer, user: Identity, client_id: str) -> Grant:
    """Return an access token that belongs to no session."""
    return Grant(issuer.generate({**user, "client_id": client_id}), issuer.lifetime())


def current_sessions() -> "Sessions":
    """Return the sessions of the running application; SessionsDisabled if it has none."""
    sessions = current().sessions
    if sessions is None:
        raise SessionsDisabled
    return sessions
