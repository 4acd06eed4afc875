"""Connections to PostgreSQL with a time limit for each response, which libpq does not have."""

import select
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

T = TypeVar("T")


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed if the server does not respond in time. Only one thread at a time may use it.

    PostgreSQL limits the time of a statement itself, but not if its process is suspended. PgBouncer lets a statement
    wait for two minutes while it cannot connect to PostgreSQL.
    """

    response_timeout: float | None = None
    """The seconds to wait for the response to a statement, after which OperationalError is raised; None: no limit."""

    has_own_server_process: bool = False
    """Whether no pooler sends the statements of this connection to server processes that other clients use too."""

    def find_server_process(self) -> None:
        """Set `has_own_server_process`. A pooler, such as PgBouncer, has reported a process id of its own."""
        row = self.execute("SELECT pg_backend_pid()").fetchone()
        self.has_own_server_process = row == (self.info.backend_pid,)

    @property
    def is_lost(self) -> bool:
        """Whether the server has closed the connection, as far as the kernel knows. This needs no round trip.

        A server that has nothing to respond to sends only the reason why it closes a connection, or a changed setting.
        """
        if self.closed:
            return True
        unread = select.poll()
        unread.register(self.fileno(), select.POLLIN)
        return bool(unread.poll(0))

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait as psycopg does, but at most for `response_timeout`, unless psycopg itself has a limit."""
        limit = self.response_timeout if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            # Otherwise the server has responded, or the connection is lost.
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
                raise psycopg.OperationalError(f"the server has not responded for {limit:g} seconds") from error
            raise
