"""Authentication with a login and a password, for all providers: the tutorial's function `authenticate`."""

from config.text import normalize_name, normalize_password
from providers.interface import MALFORMED, Denied
from services.chain import Identity, without_session_members
from services.context import current_services
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
    characters is denied as malformed. Raises ProviderUnavailable if a store is unavailable, and Overloaded if too
    many logins are waiting.
    """
    if not isinstance(email, str) or not isinstance(password, str):
        return Denied(MALFORMED)
    try:
        login, secret = normalize_name(email), normalize_password(password)
    except ValueError:
        return Denied(MALFORMED)
    return current_services().chain.authenticate(login, secret)
