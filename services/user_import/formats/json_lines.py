"""Users as JSON Lines: one JSON object on each line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO

from services.user_import.formats.account_state import state_reader
from services.user_import.formats.entries import Entry, InvalidEntry, UnreadableFile, UserFields, parse_entry
from services.user_import.formats.findings import Findings
from services.user_import.formats.json_text import (
    BOOLEAN,
    LIST_OF_STRINGS,
    REASON,
    STRING,
    STRING_OR_NULL,
    add_reason,
    check_members,
    check_surrogates,
    denies_login,
    parse_object,
    to_json,
)
from services.user_import.formats.text_lines import text_lines

position_name = "line"

_MEMBER_TYPES = {
    "username": STRING,
    "email": STRING_OR_NULL,
    "password_hash": STRING_OR_NULL,
    "roles": LIST_OF_STRINGS,
    "active": BOOLEAN,
}
_DEFAULTS: dict[str, Any] = {"email": None, "password_hash": None, "roles": [], "active": True}


def read(file: BinaryIO, findings: Findings) -> Iterator[Entry]:
    """Yield the users, see UserFormat."""
    has_object = False

    def parse(line: str) -> UserFields:
        nonlocal has_object
        members = parse_object(line)
        has_object = True
        return _parse_members(members, line, findings)

    for number, line in enumerate(text_lines(file), 1):
        if not line.isspace():
            yield parse_entry(number, parse, line.rstrip("\r\n"))
    if not has_object:
        raise UnreadableFile("no line is a JSON object")


def _parse_members(found: dict[str, Any], line: str, findings: Findings) -> UserFields:
    members = _DEFAULTS | found
    members.pop(REASON, None)
    check_members(members, _MEMBER_TYPES)
    if len(members) > len(_MEMBER_TYPES):
        additional = {name: members.pop(name) for name in sorted(members.keys() - _MEMBER_TYPES)}
        for name in additional:
            if not state_reader(name):
                findings.ignore(name)
        members["active"] &= not denies_login(additional)
    fields = UserFields(**members | {"roles": tuple(members["roles"])})
    check_surrogates(line, fields)
    return fields


@contextmanager
def rejected_writer(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, see UserFormat, with the reason as a member. A line that is not an object is not changed."""

    def write(entry: Entry, reason: str) -> None:
        file.write(_line_with_reason(entry.source, reason) + "\n")

    yield write


def _line_with_reason(line: str, reason: str) -> str:
    try:
        return add_reason(parse_object(line), reason, line)
    except InvalidEntry:
        return line


def user_writer(file: TextIO) -> Callable[[UserFields], None]:
    """Return the function that writes a user as a line."""

    def write(user: UserFields) -> None:
        file.write(to_json(user._asdict()) + "\n")

    return write
