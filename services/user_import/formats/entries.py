"""What a file of users holds, whatever its format, and what a format has to offer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO, TypeVar

_Source = TypeVar("_Source")


class UnreadableFile(Exception):
    """The file as a whole cannot be read; says why and where, for an admin, without what it holds."""


class Faulty(Exception):
    """An entry is not what its format asks for; says how, for an admin, without what it holds."""


class UserFields(NamedTuple):
    """A user as a file has them: no name and no hash is checked yet."""

    username: str
    email: str | None
    password_hash: str
    roles: tuple[str, ...]
    active: bool

    def __repr__(self) -> str:
        return f"Fields({self.username!r})"


class Entry(NamedTuple):
    """A user in a file: either `fields` or `fault` is None."""

    place: int
    """The line on which it begins or, by the format's `place_name`, its number among the objects: from 1 upwards."""
    fields: UserFields | None
    fault: str | None
    source: Any
    """What its format needs to write it again."""

    def __repr__(self) -> str:
        return f"Entry({self.place}, fault={self.fault!r})"


class UserFormat(Protocol):
    """A format of files of users. Its module is one."""

    place_name: str
    """What `Entry.place` counts."""

    def read(self, file: BinaryIO) -> Iterator[Entry]:
        """Yield the users in a UTF-8 file, a few at a time in memory; UnreadableFile where it cannot go on.

        Only asks the file for `read(size)` and `readline(size)`.
        """
        ...

    def refused(self, file: TextIO) -> AbstractContextManager[Callable[[Entry, str], None]]:
        """Give a function that writes an entry of this format again, with a reason of one line beside it.

        Once the context is left, the file can be mended and read: the reasons are passed over. Without entries it
        need not be readable.
        """
        ...


def parsed(place: int, parse: Callable[[_Source], UserFields], source: _Source) -> Entry:
    """Return the entry that `parse` makes of its source; one with a fault where `parse` raises Faulty."""
    try:
        return Entry(place, parse(source), None, source)
    except Faulty as fault:
        return Entry(place, None, str(fault), source)
