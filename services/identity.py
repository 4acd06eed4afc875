"""The answer of a provider about a user: validated, and with the provider's name."""

import re

from providers.interface import INVALID_REASON, Denied, User
from services.provider_answers import read_user

_REASON = re.compile(r"[a-z0-9_]{1,64}")


class Identity(User):
    """A user, and the name of the provider that accepts their logins."""

    idp: str


def validate_denial(denied: Denied) -> Denied:
    """Return the denial with a reason that is one word, and a username that is text, of a third-party provider.

    A reason can contain what a user has typed.
    """
    is_word = isinstance(denied.reason, str) and _REASON.fullmatch(denied.reason)
    username: object = getattr(denied, "username", None)  # a subclass may not set it
    return Denied(denied.reason if is_word else INVALID_REASON, username if isinstance(username, str) else None)


def validate_user(provider: str, answer: object, method: str) -> Identity:
    """Return what a method of a provider has returned as an identity. Raises InvalidAnswer if it is not a user."""
    return Identity(**read_user(answer, method), idp=provider)


def without_session_members(user: Identity) -> Identity:
    """Return the user without the members that only sessions use."""
    return shown_identity(user, user["idp"])


def shown_identity(user: User, idp: str) -> Identity:
    """Return a user of the provider `idp` without the members that only sessions use."""
    return Identity(username=user["username"], email=user["email"], roles=user["roles"], idp=idp)
