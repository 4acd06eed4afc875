"""The connections on which users bind, and how long a bind may take."""

from collections.abc import Callable
from threading import Semaphore
from typing import TypeVar

from config.forks import reset_in_forks
from providers.ldap.client.connection import Connection
from providers.ldap.client.connector import Connector
from providers.ldap.client.pool import Pool

T = TypeVar("T")


class UserBinds:
    """Runs binds as users, apart from the service account. Thread-safe.

    With a `timeout_seconds`, at most `size` binds at a time may take so long, on connections of their own. A bind is
    slow if the server asks the user for a second factor. Further binds have the usual time limit. So slow binds neither
    occupy the connections of the others, nor more threads than `size`.
    """

    def __init__(self, connector: Connector, size: int, timeout_seconds: float | None = None) -> None:
        """`size` is the maximum number of connections of each kind."""
        self._pool = Pool(connector, size, lambda _: None)
        self._slow_pool = Pool(connector, size, lambda _: None)
        self._size = size
        self._timeout_seconds = timeout_seconds
        reset_in_forks(self._reset)

    def run(self, operation: Callable[[Connection, float | None], T], deadline: float) -> T:
        """Return the result of the operation, as `Pool.run` does.

        The operation receives a connection, and the number of seconds that its bind may take; `None` means until
        `deadline` (monotonic seconds).
        """
        if not self._slow_slots.acquire(blocking=False):
            return self._pool.run(lambda connection: operation(connection, None), deadline)
        try:
            return self._slow_pool.run(lambda connection: operation(connection, self._timeout_seconds), deadline)
        finally:
            self._slow_slots.release()

    def clear(self) -> None:
        """Close all idle connections."""
        self._pool.clear()
        self._slow_pool.clear()

    def _reset(self) -> None:
        """Occupy no slot for binds of the parent process."""
        self._slow_slots = Semaphore(self._size if self._timeout_seconds else 0)
