"""The users in a file, in any format, and the interface of a format."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO, TypeVar

from services.user_import.formats.findings import Findings

_Source = TypeVar("_Source")


class UnreadableFile(Exception):
    """The file as a whole cannot be read. The text has the reason and the place, without the file's content."""


class InvalidEntry(Exception):
    """An entry does not conform to its format. The text is the reason, without the entry's content."""


class UserFields(NamedTuple):
    """A user as read from a file. The names and the hash are not yet checked."""

    username: str
    email: str | None
    password_hash: str | None
    """`None` if the file has none."""
    roles: tuple[str, ...]
    active: bool

    def __repr__(self) -> str:
        return f"UserFields({self.username!r})"


class Entry(NamedTuple):
    """A user in a file. Either `fields` or `error` is None."""

    position: int
    """The line on which it begins, or its number among the objects, see `UserFormat.position_name`; from 1."""
    fields: UserFields | None
    error: str | None
    source: Any
    """What the format needs to write the entry again."""

    def __repr__(self) -> str:
        return f"Entry({self.position}, error={self.error!r})"


class UserFormat(Protocol):
    """A file format for users. A module of this package implements it."""

    position_name: str
    """What `Entry.position` counts: `line` or `object`."""

    def read(self, file: BinaryIO, findings: Findings, /) -> Iterator[Entry]:
        """Yield the users of a UTF-8 file, in constant memory. Raises UnreadableFile where it cannot continue.

        Calls only `read(size)` and `readline(size)` of the file. Adds to `findings` what is not a user.
        """
        ...

    def rejected_writer(self, file: TextIO) -> AbstractContextManager[Callable[[Entry, str], None]]:
        """Return a context with a function that writes an entry of this format again, and a one-line reason with it.

        After the context, the file can be fixed and imported: `read` ignores the reasons. A file without entries
        need not be readable.
        """
        ...


def parse_entry(position: int, parse: Callable[[_Source], UserFields], source: _Source) -> Entry:
    """Return an entry with the fields that `parse` returns, or with the text of the InvalidEntry that it raises."""
    try:
        return Entry(position, parse(source), None, source)
    except InvalidEntry as error:
        return Entry(position, None, str(error), source)
