"""Pools of open connections. Opening a connection takes longer than all requests of a login."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import TypeVar
from weakref import finalize

from ldap3.core.results import RESULT_OPERATIONS_ERROR

from config.forks import reset_in_forks
from providers.ldap.client.connection import Connection
from providers.ldap.client.connector import Connector
from providers.ldap.client.errors import ConnectionLost, LdapError, PoolExhausted, RequestRefused, ServerError
from providers.ldap.client.fair_semaphore import FairSemaphore

T = TypeVar("T")

MAX_IDLE_SECONDS = 60.0  # after which a firewall may have dropped the connection
MAX_CONNECTION_AGE = 900.0  # seconds, after which the host's address or the account may have changed


class Pool:
    """At most `size` connections to one server, for operations in the order of their arrival. Thread-safe.

    `prepare` is called with each new connection, for example to bind. A connection runs one operation at a time, so
    operations cannot receive each other's responses.
    """

    def __init__(self, connector: Connector, size: int, prepare: Callable[[Connection], None]) -> None:
        self._connector = connector
        self._prepare = prepare
        self._size = size
        self._idle: list[tuple[Connection, float]] = []
        # Not __del__, which runs after the garbage collection of the sockets if the pool is part of a reference cycle,
        # and when the interpreter exits, after parts of the modules.
        finalize(self, _close_all, self._idle)
        reset_in_forks(self._reset)

    def run(self, operation: Callable[[Connection], T], deadline: float) -> T:
        """Return the result of the operation on an open connection.

        The operation runs again on a new connection if a reused connection is lost, or the server answers with
        `operationsError` there, as Active Directory does if it has forgotten the bind. Raises the LdapError of opening
        the connection, of `prepare` or of the operation. Raises PoolExhausted if no connection is free before half of
        the time to `deadline` (monotonic seconds) has passed. After a longer wait the server would have too little time
        to answer, and the timeout would count as a failure of the server.
        """
        if not self._slots.acquire(timeout=max(0, deadline - monotonic()) / 2):
            raise PoolExhausted("all connections to the server are in use")
        try:
            idle = self._take_idle()
            if idle:
                try:
                    return self._run_on(idle, operation, deadline)
                except ConnectionLost:  # the server has closed idle connections, so all are lost
                    self.clear()
                except RequestRefused as error:
                    if error.code != RESULT_OPERATIONS_ERROR:
                        raise
            return self._run_on(self._connector.open(self._prepare, deadline), operation, deadline)
        finally:
            self._slots.release()

    def run_on_new(self, operation: Callable[[Connection], object], deadline: float) -> None:
        """Run the operation on a connection that is opened for it alone, in addition to the others.

        The operation runs at each address of the host until it succeeds.
        """

        def prepare_and_run(connection: Connection) -> None:
            self._prepare(connection)
            operation(connection)

        self._connector.open(prepare_and_run, deadline).close()

    def clear(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle = self._idle[:]
            self._idle.clear()
        _close_all(idle)

    def _reset(self) -> None:
        self._slots = FairSemaphore(self._size)
        self._lock = Lock()
        for connection, _ in self._idle:  # of the parent, in a fork
            connection.abandon()
        self._idle.clear()

    def _run_on(self, connection: Connection, operation: Callable[[Connection], T], deadline: float) -> T:
        connection.deadline = deadline
        try:
            result = operation(connection)
        except BaseException as error:
            if isinstance(error, LdapError) and not isinstance(error, ServerError):
                self._put_back(connection)  # the server has answered, so the connection works
            else:
                connection.close()
            raise
        self._put_back(connection)
        return result

    def _put_back(self, connection: Connection) -> None:
        with self._lock:
            self._idle.append((connection, monotonic()))

    def _take_idle(self) -> Connection | None:
        """Return the usable connection that was used last; `None` if no usable connection is idle."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, idle_since = self._idle.pop()
            now = monotonic()
            within_limits = now - idle_since < MAX_IDLE_SECONDS and now - connection.opened_at < MAX_CONNECTION_AGE
            is_avoided = self._connector.is_avoided(connection)
            if within_limits and not is_avoided and not connection.is_closed_by_server():
                return connection
            connection.close()


def _close_all(idle: list[tuple[Connection, float]]) -> None:
    for connection, _ in idle:
        connection.close()
