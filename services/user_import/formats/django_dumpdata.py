"""Users as written by Django's `manage.py dumpdata auth.user`, possibly among other objects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, TextIO

from services.user_import.formats.entries import Entry, InvalidEntry, UnreadableFile, UserFields, parse_entry
from services.user_import.formats.findings import Findings
from services.user_import.formats.json_array import JsonArray
from services.user_import.formats.json_text import (
    BOOLEAN,
    LIST,
    STRING,
    STRING_OR_NULL,
    add_reason,
    check_members,
    check_surrogates,
    denies_login,
)

position_name = "object"

_FIELD_TYPES = {"username": STRING, "email": STRING_OR_NULL, "password": STRING, "groups": LIST, "is_active": BOOLEAN}
_DEFAULTS: dict[str, Any] = {"email": None, "groups": [], "is_active": True}


class _DumpedUser(NamedTuple):
    value: dict[str, Any]
    text: str


def read(file: BinaryIO, _findings: Findings) -> Iterator[Entry]:
    """Yield the users, see UserFormat: the objects of a model `user`, in any Django application.

    Their groups become roles. `is_staff` and `is_superuser` give no role: an administrator decides what they mean here.
    """
    group_names: dict[object, str] = {}
    has_user, number = False, 0
    for number, (value, text) in enumerate(JsonArray(file).objects(), 1):
        match value:
            case {"model": str(model), "fields": dict(fields)} if model.endswith(".user"):
                has_user = True
                _name_groups(fields, group_names)
                yield parse_entry(number, _parse_user, _DumpedUser(value, text))
            case {"model": "auth.group", "pk": pk, "fields": {"name": str(name)}} if isinstance(pk, int):
                group_names[pk] = name
            case {"model": str(), "fields": dict()}:
                pass
            case _:
                raise UnreadableFile(f"object {number} is not from `dumpdata`: `model` or `fields` is missing")
    if number and not has_user:
        raise UnreadableFile("no object has a `model` that ends with `.user`")


def _name_groups(fields: dict[str, Any], names: dict[object, str]) -> None:
    """Replace group numbers by names, as --natural-foreign does, because a file of rejected users has no groups."""
    if isinstance(fields.get("groups"), list):
        fields["groups"] = [
            [names[group]] if isinstance(group, int) and group in names else group for group in fields["groups"]
        ]


def _parse_user(user: _DumpedUser) -> UserFields:
    fields = _DEFAULTS | user.value["fields"]
    if "username" not in fields and fields["email"]:  # a custom user model with the email as its login
        fields["username"] = fields["email"]
    check_members(fields, _FIELD_TYPES)
    roles = tuple(_role(group) for group in fields["groups"])
    active = not denies_login(fields)
    result = UserFields(fields["username"], fields["email"] or None, fields["password"], roles, active)
    check_surrogates(user.text, result)
    return result


def _role(group: object) -> str:
    match group:
        case [str(name)]:
            return name
        case int():
            raise InvalidEntry(
                "`groups` has the number of a group that is not dumped before the user: dump auth.group first, "
                "or use --natural-foreign"
            )
        case _:
            raise InvalidEntry("`groups` is not a list of numbers or of names")


@contextmanager
def rejected_writer(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, see UserFormat, with the reason as a member beside `fields`."""
    separator = "[\n"

    def write(entry: Entry, reason: str) -> None:
        nonlocal separator
        file.write(separator + add_reason(entry.source.value, reason, entry.source.text))
        separator = ",\n"

    yield write
    file.write("[]\n" if separator == "[\n" else "\n]\n")
