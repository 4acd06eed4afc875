"""Logins: credentials are exchanged for a grant."""

from config.clients import FIRST_PARTY_CLIENT_ID
from providers.interface import Denied
from services.auth_provider import verify_credentials
from services.context import current_login_origin, current_services
from services.operations import LOGIN, recorded
from services.sessions.errors import SessionsUnavailable
from services.tokens.grant import Grant, grant_without_session

MAX_LOGIN_ATTEMPTS = 3
"""Credentials are verified again if the user's sessions were revoked meanwhile: at most this many times in total."""


def log_in(email: str, password: str, client_id: str = FIRST_PARTY_CLIENT_ID) -> Grant | Denied:
    """Return the first tokens of the user, or a `Denied`, which is falsy.

    Raises what `verify_credentials` raises. Raises SessionsUnavailable if the user's sessions were revoked during every
    attempt, since the credentials may no longer be valid. Writes the event of the login.
    """
    with recorded(LOGIN, login=email, client=client_id) as result:
        answer = _log_in(email, password, client_id)
        result.of_login(answer)
    return answer


def _log_in(email: str, password: str, client_id: str) -> Grant | Denied:
    services = current_services()
    for _ in range(MAX_LOGIN_ATTEMPTS):
        last_revocation_id = services.sessions.last_revocation_id() if services.sessions else None
        user = verify_credentials(email, password)
        if not user:
            return user
        if services.sessions is None:
            return grant_without_session(services.issuer, user, client_id)
        if grant := services.sessions.open(user, client_id, last_revocation_id, current_login_origin()):
            return grant
    raise SessionsUnavailable("the user's sessions were revoked during every attempt to log in")
