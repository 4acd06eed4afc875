"""Authentication with a login and a password, for all providers: the tutorial's function `authenticate`."""

import logging

from config.text import normalize_name, normalize_password
from providers.interface import MALFORMED, Denied
from services.chain import Identity, without_session_members
from services.context import current_services

log = logging.getLogger(__name__)


def authenticate(email: str, password: str) -> Identity | Denied:
    """Return what `verify_credentials` returns, without the members of the user that only sessions use.

    A view may send this user to its client.
    """
    answer = verify_credentials(email, password)
    return without_session_members(answer) if answer else answer


def verify_credentials(email: str, password: str) -> Identity | Denied:
    """Return the authenticated user, or a `Denied`, which is falsy.

    `email` is any login that the provider accepts: a username or an email. Both values are validated here, before a
    provider sees them: a value that is not text, is empty, is too long (256 and 1024 characters) or has control
    characters is denied as malformed. Raises ProviderUnavailable if a store is unavailable, and Overloaded if too
    many logins are waiting.
    """
    answer = _authenticate(email, password)
    if answer:
        log.info("login accepted by %s", answer["idp"])
    else:
        log.info("login denied: %s", answer.reason)
    return answer


def _authenticate(email: object, password: object) -> Identity | Denied:
    if not isinstance(email, str) or not isinstance(password, str):
        return Denied(MALFORMED)
    try:
        login, secret = normalize_name(email), normalize_password(password)
    except ValueError:
        return Denied(MALFORMED)
    return current_services().chain.authenticate(login, secret)
