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
ListFiles = Callable[[], Iterable[Path]]

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Seconds to wait after a failed reload before unchanged files are read again."""


def file_fingerprints(list_files: ListFiles) -> object:
    """Return the file metadata for a comparison: two results are equal if the files did not change between the calls.

    Return None if the metadata of a file cannot be read.
    """
    try:
        return [(file, *_metadata(os.stat(file))) for file in list_files()]
    except OSError:
        return None


def read_consistently(list_files: ListFiles, read: Callable[[], T]) -> T:
    """Return the result of `read`. Call `read` again if it fails and the files changed during the call.

    Raises the OSError or ConfigurationError of the last call.
    """
    while True:
        before = file_fingerprints(list_files)
        try:
            return read()
        except (OSError, ConfigurationError):
            if file_fingerprints(list_files) == before:
                raise


class ReloadingFile(Generic[T]):
    """A value that is read from files, and reloaded when they change. Thread-safe.

    If a changed file is invalid, the error is logged, and the last valid value stays in use.
    """

    def __init__(self, name: str, list_files: ListFiles, read: Callable[[], T], interval: float = 0.0) -> None:
        """Read the value for the first time. Raises what `read` raises.

        `name` is for the log. `interval` is the minimum number of seconds between two checks of the files.
        """
        self._name = name
        self._list_files = list_files
        self._read = read
        self._interval = interval
        self._lock = Lock()
        self._logged_error = ""
        self._failed_fingerprints: object = None
        self._retry_at = 0.0
        self._check_at = monotonic() + interval
        self._loaded_fingerprints = file_fingerprints(list_files)
        self._value = read_consistently(list_files, read)

    def current(self, *, newest: bool = False) -> T:
        """Return the last valid value: the same object until the files change.

        The files may have changed up to `interval` seconds ago. With `newest=True` they are checked now.
        """
        if not newest and monotonic() < self._check_at:
            return self._value
        self._check_at = monotonic() + self._interval
        fingerprints = file_fingerprints(self._list_files)
        if self._should_reload(fingerprints):
            with self._lock:
                if self._should_reload(fingerprints):
                    self._reload(fingerprints)
        return self._value

    def _should_reload(self, fingerprints: object) -> bool:
        is_due = fingerprints != self._failed_fingerprints or monotonic() >= self._retry_at
        return fingerprints != self._loaded_fingerprints and is_due

    def _reload(self, fingerprints: object) -> None:
        try:
            self._value = read_consistently(self._list_files, self._read)
        except ConfigurationError as error:
            # Unchanged files are read again later, because the cause may be temporary and outside the files.
            self._failed_fingerprints, self._retry_at = fingerprints, monotonic() + RETRY_SECONDS
            self._log_error(" ".join(error.lines))
        else:
            # Set after `_value`: another thread that reads the new fingerprints here returns `_value` without
            # waiting for the lock.
            self._loaded_fingerprints = fingerprints
            self._logged_error = ""
            log.info("%s has changed and was reloaded", self._name)

    def _log_error(self, error: str) -> None:
        if error != self._logged_error:
            self._logged_error = error
            log.error("%s cannot be reloaded, so the last valid version stays in use: %s", self._name, error)


def _metadata(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode
