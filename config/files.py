"""Files that settings name. Reading them never waits, and needs a bounded amount of memory."""

import os
import re
import stat
import tomllib
from errno import EISDIR
from pathlib import Path
from typing import Any

from config.errors import ConfigurationError, Problem
from config.quoting import resolve

MAX_FILE_BYTES = 16 * 1024 * 1024


class UnusableFile(Exception):
    """A file cannot be read. The text is a predicate about the file, and never contains a part of the file."""

    def __init__(self, found: str, *, missing: bool = False) -> None:
        super().__init__(found)
        self.missing = missing
        """Whether the file does not exist, although its directory does."""


class MissingFile(ConfigurationError):
    """A file that a setting names does not exist, although its directory does."""


def read_file(path: Path) -> tuple[bytes, os.stat_result]:
    """Return the content and the status of a file. Raises UnusableFile if it is not a regular file, or too large."""
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _read_regular_file(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        has_directory = path.parent.is_dir()
        reason = error.strerror if has_directory else "its directory does not exist"
        raise UnusableFile(f"cannot be read: {reason}", missing=has_directory) from None
    except OSError as error:
        raise UnusableFile(f"cannot be read: {error.strerror}") from None
    except ValueError:  # the path contains NUL
        raise UnusableFile("cannot be read: Invalid path") from None


def read_named_file(variable: str, path: Path) -> bytes:
    """Return the content of the file that a setting names. Raises MissingFile, or another ConfigurationError."""
    try:
        return read_file(path)[0]
    except UnusableFile as error:
        kind = MissingFile if error.missing else ConfigurationError
        raise kind([Problem(variable, f"names a file that {error} ({resolve(path)})")]) from None


def read_toml(variable: str, path: Path) -> dict[str, Any]:
    """Return the TOML document that a setting names. Raises what `read_named_file` raises."""
    content = read_named_file(variable, path)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # invalid TOML or UTF-8, or lists in hundreds of lists
        # The message may quote the line, so only the position is taken from it.
        position = re.search(r" \(at [^()]*\)$", str(error))
        found = f"names a file that is not TOML in UTF-8{position[0] if position else ''} ({resolve(path)})"
        raise ConfigurationError([Problem(variable, found)]) from None


def _read_regular_file(descriptor: int) -> tuple[bytes, os.stat_result]:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFile("is not a regular file")
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UnusableFile(f"is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    return content, status
