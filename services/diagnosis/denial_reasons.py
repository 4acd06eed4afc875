"""Why a login is denied, for operators. Clients never see it."""

from collections.abc import Mapping
from typing import NamedTuple

from providers.interface import (
    ACCOUNT_EXPIRED,
    AMBIGUOUS,
    DISABLED,
    INVALID_REASON,
    INVALID_RECORD,
    LOCKED,
    LOGON_HOURS,
    MALFORMED,
    MUST_CHANGE,
    PASSWORD_EXPIRED,
    SHADOWED,
    UNKNOWN_USER,
    WORKSTATION,
    WRONG_PASSWORD,
)
from services.throttle.errors import THROTTLED


class DenialReason(NamedTuple):
    """A reason of `Denied` as a sentence without its period, and the remedy."""

    text: str
    remedy: str


_REASONS: Mapping[str, DenialReason] = {
    UNKNOWN_USER: DenialReason("no user has this login", "Check the spelling, and which users the provider searches"),
    WRONG_PASSWORD: DenialReason("the password is wrong", "Enter it again, or set a new password"),
    AMBIGUOUS: DenialReason(
        "several users have this login or username", "Make both unique in the store, or use another login"
    ),
    DISABLED: DenialReason("the account is disabled", "Enable it in the store"),
    LOCKED: DenialReason("the account is locked", "Unlock it in the store, or wait"),
    PASSWORD_EXPIRED: DenialReason("the password has expired", "Change it in the store"),
    MUST_CHANGE: DenialReason("the password must be changed first", "Change it in the store"),
    ACCOUNT_EXPIRED: DenialReason("the account has expired", "Extend it in the store"),
    LOGON_HOURS: DenialReason("the account cannot log in at this hour", "Change its logon hours in the store, or wait"),
    WORKSTATION: DenialReason("the account cannot log in from this machine", "Allow this machine in the store"),
    MALFORMED: DenialReason("the login or the password is malformed", "Enter both again"),
    THROTTLED: DenialReason("the account has failed too many logins", "Run: flask throttle clear LOGIN, or wait"),
    SHADOWED: DenialReason("an earlier provider has a user with the same username", "Rename one of the two users"),
    INVALID_REASON: DenialReason(
        "the provider gives a reason that is not one word of a-z, 0-9 and _", "Ask the author of the provider"
    ),
    INVALID_RECORD: DenialReason(
        "the record of the user is inconsistent, or the username is reserved for machines",
        "Correct it in the store: see the log and flask doctor",
    ),
}


def describe_denial(reason: str | None) -> DenialReason:
    """Return the description of a denial reason, which may be a third-party provider's own. `None`: unknown user."""
    known = _REASONS.get(reason or UNKNOWN_USER)
    return known or DenialReason(f"the provider gives the reason {reason}", "Ask the administrator of the store")
