"""The readiness of the service: whether its database can be used."""

from collections.abc import Callable
from time import monotonic

from config.errors import Problem
from config.forks import ForkSafeLock
from database.errors import DatabaseUnavailable

REREAD_SECONDS = 1.0
_MAX_AGE = 5.0
"""For how many seconds a result is valid while a newer one is being read."""


class Readiness:
    """Reads the state of the database in one thread at a time. Other threads use the last result. Thread-safe.

    Otherwise requests for the state would occupy all threads of the server while the database hangs.
    """

    def __init__(self, read: Callable[[], Problem | None], reread_seconds: float = REREAD_SECONDS) -> None:
        """`read` returns why the database cannot be used, or raises DatabaseUnavailable.

        A result is used for `reread_seconds` without another read, so that many probes cost no more queries.
        """
        self._read = read
        self._reread_seconds = reread_seconds
        self._reading = ForkSafeLock()
        self._result: Problem | DatabaseUnavailable | None = None
        self._read_at = -float("inf")

    def problem(self) -> Problem | None:
        """Return why the database cannot be used; `None` if it can. Raises DatabaseUnavailable."""
        if monotonic() - self._read_at >= self._reread_seconds and self._reading.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._reading.release()
        if monotonic() - self._read_at > _MAX_AGE:
            raise DatabaseUnavailable("it has not responded for several seconds")
        if isinstance(self._result, DatabaseUnavailable):
            raise DatabaseUnavailable(str(self._result))
        return self._result

    def _refresh(self) -> None:
        try:
            self._result = self._read()
        except DatabaseUnavailable as error:
            self._result = error
        self._read_at = monotonic()
