"""Files of users. They contain password hashes."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile, mkstemp
from typing import BinaryIO, TextIO


class RenameFailed(Exception):
    """A private file is complete, but could not get its name."""

    def __init__(self, path: Path, temporary: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.temporary = temporary
        """The file with the content."""
        self.reason = reason


class CountingReader:
    """Reads a binary file, and counts the bytes read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes_read = 0

    def read(self, size: int = -1) -> bytes:
        return self._count(self._file.read(size))

    def readline(self, size: int = -1) -> bytes:
        return self._count(self._file.readline(size))

    def _count(self, data: bytes) -> bytes:
        self.bytes_read += len(data)
        return data


@contextmanager
def ensure_seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """Return a context with the file itself or, if it is a pipe, with an unnamed temporary copy of its content."""
    if file.seekable():
        yield file
        return
    with TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        yield copy


@contextmanager
def create_private_file(path: Path) -> Iterator[TextIO]:
    """Return a context with a new file that only the process's user can read.

    It has a temporary name until the context ends, and is deleted if an exception ends the context. Raises
    FileExistsError if the path exists, any other OSError if the file cannot be created, and RenameFailed if it is
    complete but the path has been taken in the meantime.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    try:
        descriptor, temporary = mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    except OSError as error:  # has the temporary name
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        os.unlink(temporary)
        raise
    try:
        os.link(temporary, path)
    except OSError as error:
        raise RenameFailed(path, Path(temporary), error.strerror or str(error)) from error
    os.unlink(temporary)
