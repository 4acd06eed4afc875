"""The one way in for credentials, whichever store they are checked against."""

import logging

from config.text import normalize_name, normalize_password
from providers.interface import MALFORMED, Denied
from services.chain import Identity
from services.context import current_services

log = logging.getLogger(__name__)


def authenticate(email: str, password: str) -> Identity | Denied:
    """Return the user whom these credentials prove, or a `Denied`, which is falsy.

    `email` is whatever the store lets people log in with. Both are gated here, once, before a provider
    sees them: what is no text, empty, too long (256 and 1024 characters) or has control characters
    proves nobody. Raises ProviderUnavailable if the store cannot be asked, Overloaded if too many wait.
    """
    answer = _gated(email, password)
    if answer:
        log.info("login accepted by %s", answer["idp"])
    else:
        log.info("login refused: %s", answer.reason)
    return answer


def _gated(email: object, password: object) -> Identity | Denied:
    if not isinstance(email, str) or not isinstance(password, str):
        return Denied(MALFORMED)
    try:
        login, secret = normalize_name(email), normalize_password(password)
    except ValueError:
        return Denied(MALFORMED)
    return current_services().chain.authenticate(login, secret)
