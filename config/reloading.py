"""Values that are read from files, and reloaded when the files change."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from config.errors import ConfigurationError

T = TypeVar("T")
Files = Callable[[], Iterable[Path]]

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""How long after a failed reload the same version of the files is not read again."""


def file_fingerprints(files: Files) -> object:
    """Return an object that equals another one if the files have not changed between the two calls.

    It is None if one of the files does not exist.
    """
    try:
        return [(file, *_metadata(os.stat(file))) for file in files()]
    except OSError:
        return None


def read_consistently(files: Files, read: Callable[[], T]) -> T:
    """Return the result of `read`. If it fails and the files have changed meanwhile, call it again.

    Raises the OSError or ConfigurationError of the last call.
    """
    while True:
        before = file_fingerprints(files)
        try:
            return read()
        except (OSError, ConfigurationError):
            if file_fingerprints(files) == before:
                raise


class ReloadingFile(Generic[T]):
    """A value that is read from files, and reloaded when they change. Thread-safe.

    If a changed file is invalid, the error is logged, and the last valid value stays in use.
    """

    def __init__(self, name: str, files: Files, read: Callable[[], T], interval: float = 0.0) -> None:
        """Read the value for the first time. Raises what `read` raises; a reload catches its ConfigurationErrors.

        `name` is for the log. `interval` is how many seconds the files are not checked after they were checked.
        """
        self._name = name
        self._files = files
        self._read = read
        self._interval = interval
        self._lock = Lock()
        self._logged_error = ""
        self._failed: object = None
        self._retry_at = 0.0
        self._check_at = monotonic() + interval
        self._loaded = file_fingerprints(files)
        self._value = read_consistently(files, read)

    def current(self, *, newest: bool = False) -> T:
        """Return the last valid value: the same object until the files change.

        With an interval the value may be that old, unless the `newest` is requested.
        """
        if not newest and monotonic() < self._check_at:
            return self._value
        self._check_at = monotonic() + self._interval
        fingerprints = file_fingerprints(self._files)
        if self._should_reload(fingerprints):
            with self._lock:
                if self._should_reload(fingerprints):
                    self._reload(fingerprints)
        return self._value

    def _should_reload(self, fingerprints: object) -> bool:
        return fingerprints != self._loaded and (fingerprints != self._failed or monotonic() >= self._retry_at)

    def _reload(self, fingerprints: object) -> None:
        try:
            self._value = read_consistently(self._files, self._read)
        except ConfigurationError as error:
            # The cause may be temporary, and not in the files.
            self._failed, self._retry_at = fingerprints, monotonic() + RETRY_SECONDS
            self._log_error(" ".join(error.lines))
        else:
            # Only now: a thread that compares with it uses the value without the lock.
            self._loaded = fingerprints
            self._logged_error = ""
            log.info("%s has changed and was reloaded", self._name)

    def _log_error(self, error: str) -> None:
        if error != self._logged_error:
            self._logged_error = error
            log.error("%s cannot be reloaded, so the last valid version stays in use: %s", self._name, error)


def _metadata(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode
