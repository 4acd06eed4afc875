"""Why somebody is not let in, for whoever can do something about it; never for the client."""

from collections.abc import Mapping
from typing import NamedTuple

from providers.interface import (
    ACCOUNT_EXPIRED,
    AMBIGUOUS,
    DISABLED,
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


class Refusal(NamedTuple):
    """A reason of `Denied` in words, and what to do about it."""

    words: str
    remedy: str


_REFUSALS: Mapping[str, Refusal] = {
    UNKNOWN_USER: Refusal("nobody has this login", "See how the name is spelt there, and which part is searched"),
    WRONG_PASSWORD: Refusal("the password is not theirs", "Type it again, or give them another one"),
    AMBIGUOUS: Refusal("the login could mean several people", "Log in with another name, or make this one unique"),
    DISABLED: Refusal("the account is disabled", "Enable it in the store"),
    LOCKED: Refusal("the account is locked", "Unlock it in the store, or wait"),
    PASSWORD_EXPIRED: Refusal("the password has expired", "Have it changed in the store"),
    MUST_CHANGE: Refusal("the password has to be changed first", "Have it changed in the store"),
    ACCOUNT_EXPIRED: Refusal("the account has expired", "Prolong it in the store"),
    LOGON_HOURS: Refusal("the account may not log in at this hour", "Change its hours in the store, or wait"),
    WORKSTATION: Refusal("the account may not log in from here", "Let it log in from this machine, in the store"),
    MALFORMED: Refusal("this could be nobody's name and password", "Type them again"),
    SHADOWED: Refusal("the username belongs to an earlier provider", "Give one of the two another username"),
}


def refusal(reason: str | None) -> Refusal:
    """Return what there is to say of a reason; a provider of somebody else's may have reasons of its own."""
    known = _REFUSALS.get(reason or UNKNOWN_USER)
    return known or Refusal(f"the provider says: {reason}", "Ask whoever tends the store")
