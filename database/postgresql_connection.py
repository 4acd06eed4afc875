"""Connections to PostgreSQL with durable commits and with a time limit for each response, which libpq does not have."""

import select
from functools import cached_property
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

from database.connection_options import RESPONSE_MARGIN_SECONDS, TIMEOUT_SECONDS

T = TypeVar("T")

# A server whose default is `off` acknowledges a commit that a crash can undo: a revoked token would be valid again.
# Every other value is the operator's choice among standbys.
_SETTINGS = f"""
SELECT set_config('statement_timeout', '{TIMEOUT_SECONDS}s', %(local)s),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, %(local)s)
"""
_SET_FOR_SESSION, _SET_FOR_TRANSACTION = (_SETTINGS % {"local": local} for local in ("false", "true"))

_RESPONSE_TIMEOUT = TIMEOUT_SECONDS + RESPONSE_MARGIN_SECONDS
_PREPARE_THRESHOLD = 5
"""How often a connection executes a statement before it prepares it. Planning takes most of the time of a lookup."""


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed if the server does not respond in time. Only one thread at a time may use it.

    PostgreSQL limits the time of a statement itself, but not if its process is suspended. PgBouncer lets a statement
    wait for two minutes while it cannot connect to PostgreSQL.
    """

    response_timeout: float | None = _RESPONSE_TIMEOUT
    """The seconds to wait for the response to a statement, after which OperationalError is raised; None: no limit."""

    has_own_server_process: bool = False
    """Whether no pooler sends the statements of this connection to server processes that other clients use too."""

    def prepare_session(self) -> None:
        """Set `has_own_server_process`, and the settings of the session. It is called once, after the connection opens.

        A pooler, such as PgBouncer, has reported a process id of its own, and shares the session with other clients. A
        startup option would replace the options in the URL, and PgBouncer rejects it.
        """
        row = self.execute("SELECT pg_backend_pid()").fetchone()
        self.has_own_server_process = row == (self.info.backend_pid,)
        if self.has_own_server_process:
            self.execute(_SET_FOR_SESSION)

    def begin_command(self, mode: str = "") -> str:
        """Return the statements that begin a transaction with the usual timeouts, to send in one round trip."""
        self.response_timeout = _RESPONSE_TIMEOUT
        self.prepare_threshold = None
        begin = f"BEGIN {mode}".rstrip()
        return begin if self.has_own_server_process else f"{begin}; {_SET_FOR_TRANSACTION}"

    def begin_statement(self, shared_lock: int | None) -> psycopg.Cursor[Any]:
        """Begin a transaction of one statement, and return the cursor that executes it.

        With a `shared_lock`, an advisory lock, the statement sees what the last exclusive holder has committed. Without
        BEGIN, each statement is a transaction. Every statement has the same cursor, because a new one takes a
        third of the instructions of a statement.
        """
        command = self.begin_command()
        if shared_lock:
            command += f"; SELECT pg_advisory_xact_lock_shared({shared_lock})"
        if shared_lock or not self.has_own_server_process:
            self.execute(command)
        if self.has_own_server_process:
            self.prepare_threshold = _PREPARE_THRESHOLD  # another server process would not know the statement
        return self._cursor_of_statements

    @cached_property
    def _cursor_of_statements(self) -> psycopg.Cursor[Any]:
        return self.cursor()

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
        except psycopg.errors.ReadOnlySqlTransaction:
            self.close()  # the server has become a standby, or was one at the start of the session: it stays read-only
            raise
        except psycopg.OperationalError as error:
            # Otherwise the server has responded, or the connection is lost.
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
                raise psycopg.OperationalError(f"the server has not responded for {limit:g} seconds") from error
            raise
