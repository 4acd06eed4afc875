"""What the formats made of JSON have in common: objects, their members, and a reason beside them."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from services.user_import.formats.entries import Faulty, UserFields

REASON = "refused"
"""The member with the reason."""


class Kind(NamedTuple):
    """What a member may be."""

    name: str
    fits: Callable[[Any], bool]


TEXT = Kind("text", lambda value: isinstance(value, str))
TEXT_OR_NULL = Kind("text or null", lambda value: value is None or isinstance(value, str))
TRUE_OR_FALSE = Kind("true or false", lambda value: isinstance(value, bool))
LIST = Kind("a list", lambda value: isinstance(value, list))
LIST_OF_TEXT = Kind(
    "a list of text", lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value)
)


def _refuse(_: str) -> NoReturn:
    raise ValueError


_decoder = json.JSONDecoder(parse_constant=_refuse)  # NaN and Infinity are not JSON (RFC 8259 §6)
_surrogate = re.compile("[\ud800-\udfff]").search


def parse(text: str) -> dict[str, Any]:
    """Return the object that a text is; Faulty if it is none."""
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise Faulty("it is not JSON") from None
    if not isinstance(value, dict):
        raise Faulty("it is not an object")
    return value


def as_json(value: object) -> str:
    """Return the value as JSON that UTF-8 can hold."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _surrogate(text) else text


def with_reason(value: dict[str, Any], reason: str, text: str) -> str:
    """Return the object, which is this text in JSON, as JSON with the reason as a member."""
    try:
        return as_json(value | {REASON: reason})
    except RecursionError:  # it is as deep as can be read, and that is deeper than can be written
        return text


def check_text(text: str, fields: UserFields) -> None:
    r"""Raise Faulty if the fields, which are from this text, have half of a pair of escapes such as `\ud83d\ude00`."""
    if "\\u" in text and _surrogate(json.dumps(fields, ensure_ascii=False)):
        raise Faulty("it has an escape that is not Unicode text")


def check_members(members: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Raise Faulty if a member is not there, or is not of its kind."""
    for name, kind in kinds.items():
        if name not in members:
            raise Faulty(f"it has no `{name}`")
        if not kind.fits(members[name]):
            raise Faulty(f"`{name}` is not {kind.name}")
