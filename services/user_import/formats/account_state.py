"""The state of an account in the columns of other software: disabled, locked, expired.

Such a column is never ignored, because the user would then be active after the import.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial

from providers.account_attributes import ACCOUNT_ATTRIBUTES, AccountAttribute
from services.user_import.formats.entries import InvalidEntry

StateReader = Callable[[str], bool]
"""Returns whether a value denies logins. Raises InvalidEntry if the value has no known meaning."""

_BETWEEN_WORDS = re.compile(r"[\s_-]")
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "1", "t", "y", "on"), True),
    **dict.fromkeys(("false", "no", "0", "f", "n", "off"), False),
}
_NO_VALUES = frozenset({"", "null", "none", "\\n", "never"})
_ACTIVE_STATUS = frozenset({"active", "enabled", "ok", "normal", "valid"})


def column_key(name: str) -> str:
    """Return the name of a column without case, spaces, hyphens and underscores."""
    return _BETWEEN_WORDS.sub("", name).casefold()


@lru_cache(256)
def state_reader(name: str) -> StateReader | None:
    """Return the function that reads the state from a column with this name; `None` if it has another meaning."""
    folded = name.strip().casefold()
    if attributes := [attribute for attribute in ACCOUNT_ATTRIBUTES if attribute.name.casefold() == folded]:
        return partial(_is_denied_by, attributes)
    read = _READERS.get(column_key(name))
    return partial(read, name) if read else None


def _is_not_enabled(name: str, value: str) -> bool:
    return not _boolean(name, value, default=True)


def _is_disabled(name: str, value: str) -> bool:
    return _boolean(name, value, default=False)


def _has_time(_: str, value: str) -> bool:
    return value.strip().casefold() not in {*_NO_VALUES, "false", "0"}


def _is_future(name: str, value: str) -> bool:
    time = _time(name, value)
    return time is not None and time > datetime.now(UTC)


def _is_past(name: str, value: str) -> bool:
    time = _time(name, value)
    return time is not None and time <= datetime.now(UTC)


def _boolean(name: str, value: str, *, default: bool) -> bool:
    text = value.strip().casefold()
    if text in _NO_VALUES:
        return default
    if text not in _BOOLEANS:
        raise InvalidEntry(f"`{name}` is neither true nor false")
    return _BOOLEANS[text]


def _status(name: str, value: str) -> bool:
    text = value.strip().casefold()
    if text in _NO_VALUES or text in _ACTIVE_STATUS:
        return False
    if column_key(text) in {*_WORDS, "lockedout"}:
        return True
    raise InvalidEntry(f"`{name}` is neither `active` nor one of {', '.join(_WORDS)}")


def _time(name: str, value: str) -> datetime | None:
    text = value.strip()
    if text.casefold() in _NO_VALUES:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidEntry(f"`{name}` is not a date in ISO 8601, such as 2027-01-31") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_denied_by(attributes: Iterable[AccountAttribute], value: str) -> bool:
    now = datetime.now(UTC)
    return value.strip() != "" and any(attribute.denies(value, now) for attribute in attributes)


_WORDS = (
    *("disabled", "inactive", "locked", "blocked", "banned"),
    *("suspended", "deleted", "deactivated", "archived", "expired"),
)
_READERS: Mapping[str, Callable[[str, str], bool]] = {
    # Keycloak, Entra ID, Spring Security, Flask-AppBuilder, Django.
    **dict.fromkeys(("active", "isactive", "enabled", "isenabled", "accountenabled"), _is_not_enabled),
    **dict.fromkeys(("accountnonexpired", "accountnonlocked", "credentialsnonexpired"), _is_not_enabled),
    **{f"{begin}{word}": _is_disabled for word in (*_WORDS, "lockedout") for begin in ("", "is", "account", "user")},
    "passwordexpired": _is_disabled,
    **{f"{word}{end}": _has_time for word in _WORDS for end in ("at", "on", "since", "time")},
    # ASP.NET Core Identity.
    **dict.fromkeys(("lockoutend", "lockoutenddateutc", *(f"{word}until" for word in _WORDS)), _is_future),
    **dict.fromkeys(("expires", "expiresat", "expireson", "expiry", "expirydate", "validuntil"), _is_past),
    **dict.fromkeys(("expiration", "expirationdate", "accountexpirationdate"), _is_past),
    **dict.fromkeys(("status", "accountstatus", "userstatus", "accountstate", "userstate"), _status),
}
"""By the key of a column: the function that returns whether a value denies logins."""
