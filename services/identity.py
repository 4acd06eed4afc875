"""The answer of a provider about a user: validated, and with the provider's name."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from config.text import NormalizedName, OpaqueText
from providers.interface import INVALID_REASON, Denied, User

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


class _UserShape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    username: NormalizedName
    email: NormalizedName | None
    roles: list[NormalizedName]
    record_id: OpaqueText | None = None
    credential_stamp: OpaqueText | None = None


def validate_user(provider: str, answer: Any) -> Identity:
    """Return the answer of a provider as an identity, whose names are unchanged.

    A record id or credential stamp of `None` counts as missing.

    If the answer is not a valid user, raises TypeError. Its message names the invalid members, for the author of the
    provider.
    """
    try:
        user = _UserShape.model_validate(answer)
    except ValidationError as error:
        invalid = ", ".join(".".join(map(str, fault["loc"])) or "the whole value" for fault in error.errors())
        raise TypeError(f"the provider {provider} did not return a user; invalid: {invalid}") from None
    identity = Identity(username=user.username, email=user.email, roles=user.roles, idp=provider)
    if user.record_id is not None:
        identity["record_id"] = user.record_id
    if user.credential_stamp is not None:
        identity["credential_stamp"] = user.credential_stamp
    return identity


def without_session_members(user: Identity) -> Identity:
    """Return the user without the members that only sessions use."""
    return Identity(username=user["username"], email=user["email"], roles=user["roles"], idp=user["idp"])
