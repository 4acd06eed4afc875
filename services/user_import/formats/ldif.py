"""Users as directories export them (RFC 2849), with `slapcat` or `ldapsearch` for instance."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, TextIO

from services.user_import.formats.entries import Entry, Faulty, UnreadableFile, UserFields, parsed
from services.user_import.formats.text_lines import text_lines

place_name = "line"

LONGEST_RECORD = 2**24  # a photograph may be in it
_BLANK = {"\n", "\r\n"}
_COMMENT = re.compile(r"^#.*\n(?: .*\n)*", re.MULTILINE)
_SCHEME = re.compile(r"\{[^{}]+\}|\$")


class _Record(NamedTuple):
    """An entry of the directory: its text, and by an attribute's name in lower case what stands after the colon."""

    text: str
    values: dict[str, list[str]]


def read(file: BinaryIO) -> Iterator[Entry]:
    """Yield the users, as UserFormat has it. What is nobody, such as a group, is passed over."""
    for line, text in _texts_of_records(text_lines(file, LONGEST_RECORD)):
        record = _record(text)
        if _is_change(record) or not record.values.keys().isdisjoint(("uid", "userpassword")):
            yield parsed(line, _fields, record)


def _texts_of_records(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield what stands between blank lines, each with the line on which it begins."""
    held: list[str] = []
    size = 0
    for number, line in enumerate(lines, 1):
        if line not in _BLANK:
            held.append(line)
            size += len(line)
            if size > LONGEST_RECORD:
                raise UnreadableFile(f"the record before line {number} is longer than {LONGEST_RECORD} characters")
        elif held:
            yield number - len(held), "".join(held)
            held, size = [], 0
    if held:
        yield number - len(held) + 1, "".join(held)


def _record(text: str) -> _Record:
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


def _fields(record: _Record) -> UserFields:
    if _is_change(record):
        raise Faulty("it is a change to an entry, not an entry")
    if len(record.values.get("dn", ())) != 1:
        raise Faulty("it does not have one `dn`: perhaps the blank line before another entry is missing")
    if "" in record.values:
        raise Faulty("a line of it has no name and colon")
    names = _decoded(record, "uid") or _decoded(record, "cn")
    passwords = _decoded(record, "userPassword")
    if not names:
        raise Faulty("it has neither `uid` nor `cn`")
    if not passwords:
        raise Faulty("it has no `userPassword`")
    hashed = next(filter(_SCHEME.match, passwords), passwords[0])
    email = next(iter(_decoded(record, "mail")), None)
    return UserFields(names[0], email, hashed, (), active="pwdaccountlockedtime" not in record.values)


def _decoded(record: _Record, name: str) -> list[str]:
    return [_decode(name, value) for value in record.values.get(name.lower(), ())]


def _decode(name: str, value: str) -> str:
    if value.startswith("<"):
        raise Faulty(f"`{name}` is a URL, which is not followed")
    if not value.startswith(":"):
        return value.lstrip(" ")
    try:
        return b64decode(value[1:].strip(" "), validate=True).decode()
    except ValueError:
        raise Faulty(f"`{name}` is not UTF-8 in base64") from None


@contextmanager
def refused(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, as UserFormat has it, each below a comment with the reason in place of their comments."""

    def write(entry: Entry, reason: str) -> None:
        file.write(f"# {reason}\n{_COMMENT.sub('', entry.source.text)}\n")

    yield write
