"""Users in a password file of the Apache HTTP Server: `user:hash` on each line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from services.user_import.formats.entries import Entry, InvalidEntry, UnreadableFile, UserFields, parse_entry
from services.user_import.formats.findings import Findings
from services.user_import.formats.text_lines import text_lines

position_name = "line"


def read(file: BinaryIO, _findings: Findings) -> Iterator[Entry]:
    """Yield the users, see UserFormat. They have neither emails nor roles."""
    has_user = False
    for number, line in enumerate(text_lines(file), 1):
        if not line.isspace() and not line.startswith("#"):
            has_user |= ":" in line
            yield parse_entry(number, _parse_line, line.rstrip("\r\n"))
    if not has_user:
        raise UnreadableFile("no line has a colon between a username and a hash")


def _parse_line(line: str) -> UserFields:
    username, colon, password_hash = line.partition(":")
    if not colon:
        raise InvalidEntry("the line has no colon between a username and a hash")
    return UserFields(username, None, password_hash, (), active=True)


@contextmanager
def rejected_writer(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, see UserFormat, each below a comment with the reason."""

    def write(entry: Entry, reason: str) -> None:
        file.write(f"# {reason}\n{entry.source}\n")

    yield write
