"""Users as the web server Apache keeps them: `user:hash` on each line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from services.user_import.formats.entries import Entry, Faulty, UserFields, parsed
from services.user_import.formats.text_lines import text_lines

place_name = "line"


def read(file: BinaryIO) -> Iterator[Entry]:
    """Yield the users, as UserFormat has it. The file knows no address and no role."""
    for number, line in enumerate(text_lines(file), 1):
        if not line.isspace() and not line.startswith("#"):
            yield parsed(number, _fields, line.rstrip("\r\n"))


def _fields(line: str) -> UserFields:
    username, colon, password_hash = line.partition(":")
    if not colon:
        raise Faulty("it has no colon between a name and a hash")
    return UserFields(username, None, password_hash, (), active=True)


@contextmanager
def refused(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, as UserFormat has it, each below a comment with the reason."""

    def write(entry: Entry, reason: str) -> None:
        file.write(f"# {reason}\n{entry.source}\n")

    yield write
