"""What is read from files, and read again when they have changed."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from config.errors import ConfigurationError

T = TypeVar("T")

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds after a reading that failed, before the next of the same files


def file_fingerprints(files: Iterable[Path]) -> list[tuple[str | int, ...]]:
    """Return what differs between two versions of the files; OSError if one is not there."""
    return [(str(file), *_version(os.stat(file))) for file in files]


class ReloadingFile(Generic[T]):
    """Something that files hold. Thread-safe.

    An edit that breaks it is logged, and the last good reading stays in force until there is another.
    """

    def __init__(self, name: str, files: Callable[[], Iterable[Path]], read: Callable[[], T]) -> None:
        """`name` is for the log. Raises what `read` raises; later only its ConfigurationErrors are caught."""
        self._name = name
        self._files = files
        self._read = read
        self._lock = Lock()
        self._complaint = ""
        self._failed: object = None
        self._not_before = 0.0
        self._seen = self._state()
        self._held = read()

    def current(self) -> T:
        """Return the newest good reading: the same object for as long as the files are the same."""
        state = self._state()
        if self._is_news(state):
            with self._lock:
                if self._is_news(state):
                    self._reread(state)
        return self._held

    def _is_news(self, state: object) -> bool:
        return state != self._seen and (state != self._failed or monotonic() >= self._not_before)

    def _reread(self, state: object) -> None:
        try:
            self._held = self._read()
        except ConfigurationError as error:
            # What was wrong may have been the moment, and not the files.
            self._failed, self._not_before = state, monotonic() + PAUSE
            self._complain(" ".join(error.lines))
        else:
            self._seen = state  # not before: whoever sees it takes what was read
            self._complaint = ""
            log.info("%s has changed and was read again", self._name)

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            log.error("%s is kept as it last was: %s", self._name, complaint)

    def _state(self) -> object:
        try:
            return file_fingerprints(self._files())
        except OSError:
            return None


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode
