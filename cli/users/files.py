"""Files of users, which hold password hashes: opened for reading, and made for nobody else's eyes."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, TextIO

from cli.terminal import Refused
from services.user_files import UnreadableFile


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
    """Open a file of users, standard input if it is `-`, so that it can be read twice; Refused if it cannot be read."""
    try:
        with sys.stdin.buffer if path == Path("-") else path.open("rb") as file:
            if file.seekable():
                yield file
                return
            with TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                copy.seek(0)
                yield copy
    except UnreadableFile as error:
        raise Refused(f"{path} cannot be read: {error}") from None
    except OSError as error:
        raise Refused(f"{error.filename or path} cannot be used: {error.strerror}") from None


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """Give a new file that only we can read. It has its name once the context is left, and not if anything is raised.

    Raises FileExistsError, and other OSErrors.
    """
    part = path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    finally:
        part.unlink()
