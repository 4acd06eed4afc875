"""Files of users, which hold password hashes: opened for reading, and made for nobody else's eyes."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile, mkstemp
from typing import BinaryIO, TextIO

from cli.terminal import CommandError
from services.user_import.formats import UnreadableFile

STDIN = Path("-")


class CountedFile:
    """A file that knows how much of it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._file.read(size))

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._file.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self.count += len(data)
        return data


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file of users, standard input if it is STDIN, so that it can be read twice.

    Raises OSError, and Refused if it is no file of users.
    """
    if path == STDIN and sys.stdin is None:
        raise CommandError("there is no standard input to read users from")
    with sys.stdin.buffer if path == STDIN else path.open("rb") as file, TemporaryFile() as copy:
        if not file.seekable():
            shutil.copyfileobj(file, copy)
            copy.seek(0)
        try:
            yield file if file.seekable() else copy
        except UnreadableFile as error:
            raise CommandError(f"{shown(path)} cannot be read: {error}") from None


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """Give a new file that only we can read. It has its name once the context is left, and not if anything is raised.

    Raises OSError, and Refused if the name is taken; if that is found only at the end, what was written is kept.
    """
    if path.exists():
        raise CommandError(f"{shown(path)} is there already. Move it away, or name another file")
    descriptor, part = mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        os.unlink(part)
        raise
    try:
        os.link(part, path)
    except OSError as error:
        raise CommandError(f"{shown(path)} cannot be made: {error.strerror}. What belongs in it is in {part}") from None
    os.unlink(part)


def shown(path: Path) -> str:
    """Return the path as text, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "replace")
