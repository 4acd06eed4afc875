"""Connections that are kept: opening one takes longer than all that a login asks."""

import ssl
from collections.abc import Callable
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import TypeVar

from providers.interface import ProviderUnavailable
from providers.ldap.client.connection import Connection, ConnectionLost, PoolExhausted, ServerError
from providers.ldap.settings import ServerAddress

T = TypeVar("T")

IDLE = 60.0  # seconds after which a firewall may have forgotten it
OLD = 900.0  # seconds after which the name may stand for another machine, or the account be another's


class Pool:
    """Connections to one server, of which `prepare` makes what they are for. Thread-safe.

    One is lent to one question at a time, so no two can mix up their answers.
    """

    def __init__(
        self, address: ServerAddress, tls: ssl.SSLContext, size: int, prepare: Callable[[Connection], None]
    ) -> None:
        self._address = address
        self._tls = tls
        self._prepare = prepare
        self._places = BoundedSemaphore(size)
        self._lock = Lock()
        self._kept: list[tuple[Connection, float]] = []

    def __del__(self) -> None:
        self.clear()

    def use(self, question: Callable[[Connection], T], deadline: float) -> T:
        """Return what the question finds out, on a connection that lives.

        Raises ServerFault: Crowded if all connections are in use for half of the time until `deadline` (monotonic
        seconds); whoever waited longer would find a server slow that had no time left to answer.
        """
        if not self._places.acquire(timeout=max(0, deadline - monotonic()) / 2):
            raise PoolExhausted("ldap: all connections are in use")
        try:
            kept = self._taken()
            if kept:
                try:
                    return self._asked(kept, question, deadline)
                except ConnectionLost:  # it was older than the server's patience, and so are the others
                    self.clear()
            return self._asked(self._opened(deadline), question, deadline)
        finally:
            self._places.release()

    def clear(self) -> None:
        """Close what is not in use."""
        with self._lock:
            kept, self._kept = self._kept, []
        for connection, _ in kept:
            connection.close()

    def _asked(self, connection: Connection, question: Callable[[Connection], T], deadline: float) -> T:
        connection.deadline = deadline
        try:
            answer = question(connection)
        except BaseException as error:
            if isinstance(error, ProviderUnavailable) and not isinstance(error, ServerError):
                self._keep(connection)  # it has answered, only not what was hoped for
            else:
                connection.close()
            raise
        self._keep(connection)
        return answer

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            self._kept.append((connection, monotonic()))

    def _opened(self, deadline: float) -> Connection:
        connection = Connection(self._address, self._tls, deadline)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _taken(self) -> Connection | None:
        """Return the one that was used last and is still good, `None` if there is none."""
        while True:
            with self._lock:
                if not self._kept:
                    return None
                connection, since = self._kept.pop()
            now = monotonic()
            if now - since < IDLE and now - connection.opened_at < OLD and not connection.is_stale():
                return connection
            connection.close()
