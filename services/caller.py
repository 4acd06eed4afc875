"""The caller of a request as their provider describes them now, which may differ from their access token."""

from werkzeug.exceptions import Forbidden

from config.http_error import INSUFFICIENT_SCOPE, HttpError
from services.context import current_services, current_sessions
from services.identity import Identity
from services.sessions.errors import InvalidRefreshToken
from services.tokens.claims import Claims
from services.tokens.issuer import RevokedToken


class UnverifiableCaller(HttpError, Forbidden):
    """The access token does not name a provider of the chain that can look users up."""

    error_code = "caller_unverifiable"
    message = "The provider of the access token cannot look its user up, which this request requires"
    challenge = INSUFFICIENT_SCOPE


def current_caller(claims: Claims) -> Identity:
    """Return the user of an access token with these verified claims, as their provider describes them now.

    Use it where the roles in the token, which are those of the last login or refresh, are not sufficient. Raises
    RevokedToken if the user is deleted, disabled or renamed, or if the session has ended; UnverifiableCaller;
    ProviderUnavailable; SessionsUnavailable.
    """
    chain, idp = current_services().chain, claims.get("idp", "")
    if not chain.supports_find(idp):
        raise UnverifiableCaller
    user = _user_of_session(claims["sid"]) if "sid" in claims else chain.find(idp, claims["sub"])
    if user is None:
        raise RevokedToken("its user no longer exists or is disabled")
    return user


def _user_of_session(session_id: str) -> Identity:
    try:
        return current_sessions().user_of(session_id)
    except InvalidRefreshToken:
        raise RevokedToken("its session has ended") from None
