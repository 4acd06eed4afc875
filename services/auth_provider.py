"""Authentication with a login and a password, for all providers: the tutorial's function `authenticate`."""

from collections.abc import Callable

from config.text import normalize_name, normalize_password
from providers.interface import MALFORMED, Denied
from services.context import current_client_address, current_services
from services.identity import Identity, without_session_members
from services.operations import LOGIN, recorded


def authenticate(email: str, password: str) -> Identity | Denied:
    """Return what `verify_credentials` returns, without the members of the user that only sessions use.

    A view may send this user to its client. Writes the event of a login.
    """
    with recorded(LOGIN, login=email if isinstance(email, str) else None) as result:
        answer = verify_credentials(email, password)
        result.of_login(answer)
    return without_session_members(answer) if answer else answer


def verify_credentials(email: object, password: object) -> Identity | Denied:
    """Return the authenticated user, or a `Denied`, which is falsy.

    `email` is any login that the provider accepts: a username or an email. Both values are validated here, before a
    provider sees them: a value that is not text, is empty, is too long (256 and 1024 characters) or has control
    characters is denied as malformed. Raises Throttled if the login or the address of the client has failed too often,
    ProviderUnavailable if a store is unavailable, and Overloaded if too many logins are waiting.
    """
    login, secret = _normalize(normalize_name, email), _normalize(normalize_password, password)
    services = current_services()
    attempt = services.throttle.begin(login, current_client_address())
    return attempt.settle(
        Denied(MALFORMED) if login is None or secret is None else services.chain.authenticate(login, secret)
    )


def _normalize(normalize: Callable[[str], str], text: object) -> str | None:
    """Return the text in the form that providers receive; `None` if it is malformed."""
    if not isinstance(text, str):
        return None
    try:
        return normalize(text)
    except ValueError:
        return None
