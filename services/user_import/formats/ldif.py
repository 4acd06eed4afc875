"""Users as LDIF (RFC 2849), for example from `slapcat` or `ldapsearch`."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO, NamedTuple, TextIO

from config.text import casefold_name, normalize_role
from providers.account_attributes import Effect, account_denial_reason
from services.user_import.formats.entries import Entry, InvalidEntry, UnreadableFile, UserFields, parse_entry
from services.user_import.formats.findings import Findings, Membership
from services.user_import.formats.text_lines import text_lines

position_name = "line"

MAX_RECORD_LENGTH = 2**24  # a record may contain a photograph
_BLANK_LINES = {"\n", "\r\n"}
_COMMENT = re.compile(r"^#.*\n(?: .*\n)*", re.MULTILINE)
_AROUND_SEPARATORS = re.compile(r"\s*([,=+])\s*")
_MEMBER_ATTRIBUTES = {"member": True, "uniquemember": True, "memberuid": False}
"""The attributes of groups, and whether their values are DNs."""
_HASH_SCHEME = re.compile(r"\{[^{}]+\}|\$")


class _Record(NamedTuple):
    text: str
    values: dict[str, list[str]]
    """By the attribute's name in lower case: the text after the first colon. Lines without a colon are under ""."""


def read(file: BinaryIO, findings: Findings) -> Iterator[Entry]:
    """Yield the users, see UserFormat. Entries with neither `uid` nor `userPassword`, such as groups, are not users."""
    has_entry = has_user = False
    for line, text in _numbered_records(text_lines(file, MAX_RECORD_LENGTH)):
        record = _parse_record(text)
        has_entry |= "dn" in record.values
        if _is_change(record) or not record.values.keys().isdisjoint(("uid", "userpassword")):
            has_user = True
            yield parse_entry(line, partial(_parse_user, line, findings), record)
        elif not record.values.keys().isdisjoint(_MEMBER_ATTRIBUTES):
            yield from _read_group(line, record, findings)
    if not has_entry:
        raise UnreadableFile("no entry begins with `dn:`")
    if not has_user:
        raise UnreadableFile("no entry has `uid` or `userPassword`")


def _read_group(line: int, record: _Record, findings: Findings) -> Iterator[Entry]:
    """Add a group to the findings, or yield it as an invalid entry."""
    try:
        findings.add_group(_memberships(record) if findings.stores_groups else ())
    except InvalidEntry as error:
        yield Entry(line, None, str(error), record)


def _memberships(record: _Record) -> list[Membership]:
    try:
        role = normalize_role(next(iter(_decode_values(record, "cn")), ""))
    except ValueError as error:
        raise InvalidEntry(f"the name of the group {error}") from None
    return [
        Membership(_dn_key(member) if is_dn else casefold_name(member), is_dn, role)
        for attribute, is_dn in _MEMBER_ATTRIBUTES.items()
        for member in _decode_values(record, attribute)
    ]


def _dn_key(dn: str) -> str:
    """Return a key that is equal for the same DN in a file. A server writes a DN in one way, except for case."""
    return casefold_name(_AROUND_SEPARATORS.sub(r"\1", dn))


def _numbered_records(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield the text between blank lines, each with the line on which it begins."""
    record: list[str] = []
    length = 0
    for number, line in enumerate(lines, 1):
        if line not in _BLANK_LINES:
            record.append(line)
            length += len(line)
            if length > MAX_RECORD_LENGTH:
                raise UnreadableFile(f"the record before line {number} is longer than {MAX_RECORD_LENGTH} characters")
        elif record:
            yield number - len(record), "".join(record)
            record, length = [], 0
    if record:
        yield number - len(record) + 1, "".join(record)


def _parse_record(text: str) -> _Record:
    text = text.replace("\r\n", "\n")
    values: dict[str, list[str]] = {}
    for line in text.replace("\n ", "").split("\n"):
        if line and line[0] != "#":
            description, colon, value = line.partition(":")
            name = description.partition(";")[0].lower() if colon else ""
            values.setdefault(name, []).append(value)
    return _Record(text, values)


def _is_change(record: _Record) -> bool:
    return any(value.strip().lower() != "add" for value in record.values.get("changetype", ()))


def _parse_user(line: int, findings: Findings, record: _Record) -> UserFields:
    if _is_change(record):
        raise InvalidEntry("the record is a change record, not an entry")
    if len(record.values.get("dn", ())) != 1:
        raise InvalidEntry("the entry does not have exactly one `dn`: is the blank line between two entries missing?")
    if "" in record.values:
        raise InvalidEntry("a line has no colon after an attribute name")
    names = _decode_values(record, "uid") or _decode_values(record, "cn")
    passwords = _decode_values(record, "userPassword")
    if not names:
        raise InvalidEntry("the entry has neither `uid` nor `cn`")
    password_hash = next(filter(_HASH_SCHEME.match, passwords), next(iter(passwords), None))
    email = next(iter(_decode_values(record, "mail")), None)
    denial = account_denial_reason(partial(_decode_values, record), datetime.now(UTC), Effect.IMPORT)
    if findings.stores_groups:
        findings.add_entry(line, _dn_key(_decode_values(record, "dn")[0]))
    return UserFields(names[0], email, password_hash, (), active=denial is None)


def _decode_values(record: _Record, name: str) -> list[str]:
    return [_decode(name, value) for value in record.values.get(name.lower(), ())]


def _decode(name: str, value: str) -> str:
    if value.startswith("<"):
        raise InvalidEntry(f"`{name}` is a URL, and values at URLs are not read")
    if not value.startswith(":"):
        return value.lstrip(" ")
    try:
        return b64decode(value[1:].strip(" "), validate=True).decode()
    except ValueError:
        raise InvalidEntry(f"`{name}` is not base64 of UTF-8 text") from None


@contextmanager
def rejected_writer(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, see UserFormat, each below a comment with the reason. Other comments are not written."""

    def write(entry: Entry, reason: str) -> None:
        file.write(f"# {reason}\n{_COMMENT.sub('', entry.source.text)}\n")

    yield write
