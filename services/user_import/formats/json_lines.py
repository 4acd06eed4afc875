"""Users as JSON objects, each on a line of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

from services.user_import.formats.entries import Entry, Faulty, UserFields, parsed
from services.user_import.formats.json_text import (
    LIST_OF_TEXT,
    REASON,
    TEXT,
    TEXT_OR_NULL,
    TRUE_OR_FALSE,
    as_json,
    check_members,
    check_text,
    parse,
    with_reason,
)
from services.user_import.formats.text_lines import text_lines

place_name = "line"

_KINDS = {
    "username": TEXT,
    "email": TEXT_OR_NULL,
    "password_hash": TEXT,
    "roles": LIST_OF_TEXT,
    "active": TRUE_OR_FALSE,
}
_DEFAULTS: dict[str, Any] = {"email": None, "roles": [], "active": True}


def read(file: BinaryIO) -> Iterator[Entry]:
    """Yield the users, as UserFormat has it."""
    for number, line in enumerate(text_lines(file), 1):
        if not line.isspace():
            yield parsed(number, _fields, line.rstrip("\r\n"))


def _fields(line: str) -> UserFields:
    members = _DEFAULTS | parse(line)
    members.pop(REASON, None)
    check_members(members, _KINDS)
    if len(members) > len(_KINDS):
        raise Faulty(f"it has other members than {', '.join(_KINDS)}")
    fields = UserFields(**members | {"roles": tuple(members["roles"])})
    check_text(line, fields)
    return fields


@contextmanager
def refused(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, as UserFormat has it, with the reason as a member; a line that is no object as it is."""

    def write(entry: Entry, reason: str) -> None:
        file.write(_again(entry.source, reason) + "\n")

    yield write


def _again(line: str, reason: str) -> str:
    try:
        return with_reason(parse(line), reason, line)
    except Faulty:
        return line


def users(file: TextIO) -> Callable[[UserFields], None]:
    """Return what writes a user on a line."""

    def write(user: UserFields) -> None:
        file.write(as_json(user._asdict()) + "\n")

    return write
