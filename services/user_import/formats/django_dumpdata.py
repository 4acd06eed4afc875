"""Users as Django's `manage.py dumpdata auth.user` writes them, perhaps among other objects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, TextIO

from services.user_import.formats.entries import Entry, Faulty, UnreadableFile, UserFields, parsed
from services.user_import.formats.json_array import JsonArray
from services.user_import.formats.json_text import (
    LIST,
    TEXT,
    TEXT_OR_NULL,
    TRUE_OR_FALSE,
    check_members,
    check_text,
    with_reason,
)

place_name = "object"

_KINDS = {"username": TEXT, "email": TEXT_OR_NULL, "password": TEXT, "groups": LIST, "is_active": TRUE_OR_FALSE}
_DEFAULTS: dict[str, Any] = {"email": None, "groups": [], "is_active": True}


class _Dumped(NamedTuple):
    value: dict[str, Any]
    text: str


def read(file: BinaryIO) -> Iterator[Entry]:
    """Yield the users, as UserFormat has it: what is of a model `user`, of whatever application.

    Their groups are roles. Being staff or superuser gives none: what that means here is the admin's to say.
    """
    groups: dict[object, str] = {}
    for number, (value, text) in enumerate(JsonArray(file).objects(), 1):
        match value:
            case {"model": str(model), "fields": dict(members)} if model.endswith(".user"):
                _name_groups(members, groups)
                yield parsed(number, _fields, _Dumped(value, text))
            case {"model": "auth.group", "pk": pk, "fields": {"name": str(name)}} if isinstance(pk, int):
                groups[pk] = name
            case {"model": str(), "fields": dict()}:
                pass
            case _:
                raise UnreadableFile(f"object {number} is not from `dumpdata`: it has no `model` and `fields`")


def _name_groups(members: dict[str, Any], names: dict[object, str]) -> None:
    """Put names for numbers, as --natural-foreign has them: a file of refused users has no groups to look them up."""
    if isinstance(members.get("groups"), list):
        members["groups"] = [
            [names[group]] if isinstance(group, int) and group in names else group for group in members["groups"]
        ]


def _fields(dumped: _Dumped) -> UserFields:
    members = _DEFAULTS | dumped.value["fields"]
    if "username" not in members and members["email"]:  # a model of their own, which logs in with the address
        members["username"] = members["email"]
    check_members(members, _KINDS)
    roles = tuple(_role(group) for group in members["groups"])
    fields = UserFields(members["username"], members["email"] or None, members["password"], roles, members["is_active"])
    check_text(dumped.text, fields)
    return fields


def _role(group: object) -> str:
    match group:
        case [str(name)]:
            return name
        case int():
            raise Faulty(
                "its `groups` are numbers that no group before it has: dump auth.group first, or use --natural-foreign"
            )
        case _:
            raise Faulty("`groups` is not a list of numbers or of names")


@contextmanager
def refused(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, as UserFormat has it, with the reason as a member beside `fields`."""
    separator = "[\n"

    def write(entry: Entry, reason: str) -> None:
        nonlocal separator
        file.write(separator + with_reason(entry.source.value, reason, entry.source.text))
        separator = ",\n"

    yield write
    file.write("[]\n" if separator == "[\n" else "\n]\n")
