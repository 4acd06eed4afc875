"""The common parts of the JSON formats: objects, the types of their members, and a member for the reason."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from services.user_import.formats.account_state import state_reader
from services.user_import.formats.entries import InvalidEntry, UserFields

REASON = "rejected"
"""The member with the reason for a rejection."""


class MemberType(NamedTuple):
    """A type that the value of a member must have."""

    name: str
    matches: Callable[[Any], bool]


STRING = MemberType("a string", lambda value: isinstance(value, str))
STRING_OR_NULL = MemberType("a string or null", lambda value: value is None or isinstance(value, str))
BOOLEAN = MemberType("true or false", lambda value: isinstance(value, bool))
LIST = MemberType("a list", lambda value: isinstance(value, list))
LIST_OF_STRINGS = MemberType(
    "a list of strings", lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value)
)


def _reject_constant(_: str) -> NoReturn:
    raise ValueError


_decoder = json.JSONDecoder(parse_constant=_reject_constant)  # NaN and Infinity are not JSON (RFC 8259 §6)
_find_surrogate = re.compile("[\ud800-\udfff]").search


def parse_object(text: str) -> dict[str, Any]:
    """Return the JSON object. Raises InvalidEntry if the text is not one."""
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise InvalidEntry("the line is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidEntry("the line is not a JSON object")
    return value


def to_json(value: object) -> str:
    """Return the value as JSON that can be encoded as UTF-8: unpaired surrogates are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _find_surrogate(text) else text


def add_reason(value: dict[str, Any], reason: str, text: str) -> str:
    """Return the object, whose JSON is `text`, as JSON with the reason as a member."""
    try:
        return to_json(value | {REASON: reason})
    except RecursionError:  # json reads objects that are nested more deeply than those that it writes
        return text


def denies_login(members: Mapping[str, object]) -> bool:
    """Return whether a member has the state of an account, and denies logins. Raises InvalidEntry."""
    return any(reader(_to_state(name, value)) for name, value in members.items() if (reader := state_reader(name)))


def _to_state(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str() | int():
            return str(value)
        case _:
            raise InvalidEntry(f"`{name}` is not a single value")


def check_surrogates(text: str, fields: UserFields) -> None:
    r"""Raise InvalidEntry if a field, read from `text`, contains half of a surrogate pair such as `\ud83d\ude00`."""
    if "\\u" in text and _find_surrogate(json.dumps(fields, ensure_ascii=False)):
        raise InvalidEntry("the object has an escape of an unpaired surrogate")


def check_members(members: Mapping[str, Any], types: Mapping[str, MemberType]) -> None:
    """Raise InvalidEntry if a member is missing, or is not of its type."""
    for name, expected in types.items():
        if name not in members:
            raise InvalidEntry(f"`{name}` is missing")
        if not expected.matches(members[name]):
            raise InvalidEntry(f"`{name}` is not {expected.name}")
