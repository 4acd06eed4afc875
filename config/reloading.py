"""Values that are read from files, and reloaded when the files change."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, sleep
from typing import Generic, TypeVar

from config.errors import ConfigurationError
from config.files import MissingFile
from config.forks import ForkSafeLock

T = TypeVar("T")
ListFiles = Callable[[], Iterable[Path]]

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""Seconds to wait after a failed reload before unchanged files are read again."""
MAX_OUTAGE_SECONDS = 300.0
"""How long the last valid version stays in use while it is not known whether the files have changed."""

SETTLE_SECONDS = 0.05
"""How long changed files must remain the same before they are read. A program may still be writing them, and a part of
a file can be valid: users are missing in it, or the line that disables one."""
MAX_SETTLE_SECONDS = 1.0


class FileUnavailable(Exception):
    """A file was deleted, or has not been accessible for too long. The text is the reason, for the log."""


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

    - A changed file is read when it has not changed for SETTLE_SECONDS, so that no half of it is.
    - If a changed file is invalid, the error is logged, and the last valid value stays in use: what `remaining`
      returns for it.
    - If the file was deleted (`read` raises MissingFile), no value is in use.
    - If the metadata of the files cannot be read, for example during an outage of a network file system, the last valid
      value stays in use for MAX_OUTAGE_SECONDS after the last check that succeeded.
    """

    def __init__(
        self,
        name: str,
        list_files: ListFiles,
        read: Callable[[], T],
        interval: float = 0.0,
        *,
        remaining: Callable[[T], T] = lambda value: value,
        on_change: Callable[[T | None, T | None], object] = lambda _before, _after: None,
    ) -> None:
        """Read the value for the first time. Raises what `read` raises.

        `name` is for the log. `interval` is the minimum number of seconds between two checks of the files. `remaining`
        returns its argument, or a value without the parts whose files were deleted. `on_change` is called with the
        previous value and the new one after a reload; `None` means that the file is deleted.
        """
        self._name = name
        self._list_files = list_files
        self._read = read
        self._interval = interval
        self._remaining = remaining
        self._on_change = on_change
        self._lock = ForkSafeLock()
        self._logged_error = ""
        self._unavailable = ""
        self._deleted = False
        self._failed_fingerprints: object = None
        self._retry_at = 0.0
        self._accessible_at = monotonic()
        self._check_at = monotonic() + interval
        self._loaded_fingerprints = file_fingerprints(list_files)
        self._value = read_consistently(list_files, read)

    def current(self, *, newest: bool = False) -> T:
        """Return the last valid value: the same object until the files change. Raises FileUnavailable.

        The files may have changed up to `interval` seconds ago. With `newest=True` they are checked now.
        """
        if newest or monotonic() >= self._check_at:
            self._check_files()
        if self._unavailable:
            raise FileUnavailable(self._unavailable)
        return self._value

    def _check_files(self) -> None:
        self._check_at = monotonic() + self._interval
        fingerprints = file_fingerprints(self._list_files)
        if self._should_reload(fingerprints):
            with self._lock:
                fingerprints = file_fingerprints(self._list_files)  # another thread may have read this version
                if self._should_reload(fingerprints):
                    self._reload(fingerprints)
        elif fingerprints == self._loaded_fingerprints:
            self._unavailable = ""
        if fingerprints is not None:
            self._accessible_at = monotonic()
        elif monotonic() - self._accessible_at > MAX_OUTAGE_SECONDS:
            self._unavailable = f"{self._name} has not been accessible for {MAX_OUTAGE_SECONDS:.0f} seconds"

    def _should_reload(self, fingerprints: object) -> bool:
        has_changed = fingerprints is None or fingerprints != self._loaded_fingerprints
        return has_changed and (fingerprints != self._failed_fingerprints or monotonic() >= self._retry_at)

    def _reload(self, fingerprints: object) -> None:
        before, fingerprints = None if self._deleted else self._value, self._settled(fingerprints)
        try:
            self._value = read_consistently(self._list_files, self._read)
        except ConfigurationError as error:
            # Unchanged files are read again later, because the cause may be temporary and outside the files.
            self._failed_fingerprints, self._retry_at = fingerprints, monotonic() + RETRY_SECONDS
            self._log_error(" ".join(error.lines), self._restrict(error))
        else:
            # Set after `_value`: another thread that reads the new fingerprints here returns `_value` without
            # waiting for the lock.
            self._loaded_fingerprints = fingerprints
            self._logged_error = self._unavailable = ""
            self._deleted = False
            log.info("%s has changed and was reloaded", self._name)
            self._on_change(before, self._value)

    def _settled(self, fingerprints: object) -> object:
        """Wait until the files, which had these fingerprints, do not change any more. Return their fingerprints."""
        until = monotonic() + MAX_SETTLE_SECONDS
        while monotonic() < until:
            sleep(SETTLE_SECONDS)
            before, fingerprints = fingerprints, file_fingerprints(self._list_files)
            if fingerprints == before:
                break
        return fingerprints

    def _restrict(self, error: ConfigurationError) -> str:
        """Stop using what was deleted. Return what is still in use, for the log."""
        if isinstance(error, MissingFile):
            if not self._deleted:
                self._on_change(self._value, None)
            self._unavailable, self._deleted = error.lines[0], True
            self._loaded_fingerprints = object()  # the file is read again even if it returns unchanged
            return "no version is in use"
        remaining = self._remaining(self._value)
        if remaining is self._value:
            return "the last valid version stays in use"
        # Without fingerprints, the deleted files are read again even if they return unchanged.
        self._on_change(self._value, remaining)
        self._value, self._loaded_fingerprints = remaining, None
        return "the last valid version stays in use without the deleted files"

    def _log_error(self, error: str, in_use: str) -> None:
        if error != self._logged_error:
            self._logged_error = error
            log.error("%s cannot be reloaded, so %s: %s", self._name, in_use, error)


def _metadata(status: os.stat_result) -> tuple[int, ...]:
    # `cp -p` and `rsync --inplace --times` restore the modification time. Only the kernel sets the change time.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode
