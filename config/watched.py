"""What is read from files, and read again when they have changed."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from config.problems import ConfigurationError

T = TypeVar("T")

log = logging.getLogger(__name__)


class Watched(Generic[T]):
    """Something that files hold. Thread-safe.

    An edit that breaks it is logged, and the last good reading stays in force.
    """

    def __init__(self, name: str, files: Callable[[], Iterable[Path]], read: Callable[[], T]) -> None:
        """`name` is for the log. Raises what `read` raises; later only its ConfigurationErrors are caught."""
        self._name = name
        self._files = files
        self._read = read
        self._lock = Lock()
        self._seen = self._state()
        self._held = read()

    def current(self) -> T:
        """Return the newest good reading: the same object for as long as the files are the same."""
        state = self._state()
        if state != self._seen:
            with self._lock:
                if state != self._seen:
                    self._reread()
                    self._seen = state  # not before: whoever sees it takes what was read
        return self._held

    def _reread(self) -> None:
        try:
            self._held = self._read()
        except ConfigurationError as error:
            log.error("%s is kept as it last was: %s", self._name, " ".join(error.problems))  # noqa: TRY400
        else:
            log.info("%s has changed and was read again", self._name)

    def _state(self) -> list[tuple[str | int, ...]] | None:
        """Return what differs between two versions of the files, `None` if there are none to read."""
        try:
            return [(str(file), *_version(os.stat(file))) for file in self._files()]
        except OSError:
            return None


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode
