"""SQLAlchemy engines for PostgreSQL. The driver is imported only if DATABASE_URL names such a server."""

from typing import Any

import psycopg
from psycopg.pq import Conninfo
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event

from database.connection_options import RESPONSE_MARGIN_SECONDS, TIMEOUT_SECONDS, validate_parameters
from database.errors import DatabaseUnavailable
from database.postgresql_connection import TimedConnection
from database.tls import require_verified_server

# The options of libpq. The arguments of the driver are not among them: they change how the service uses connections.
_POSTGRESQL_PARAMETERS = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())

# A server whose default is `off` acknowledges a commit that a crash can undo: a revoked token would be valid again.
# Every other value is the operator's choice among standbys.
_SET_FOR_TRANSACTION = f"""
SELECT set_config('statement_timeout', '{TIMEOUT_SECONDS}s', true),
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
"""


def postgresql_engine(url: URL, insecure_tls: bool) -> Engine:
    """Return an engine that connects when it is first used.

    Raises ConfigurationError if the URL has unknown parameters, or if the server is not verified, see `open_engine`.
    """
    validate_parameters(url, _POSTGRESQL_PARAMETERS)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=TIMEOUT_SECONDS,
        connect_args={
            "connect_timeout": TIMEOUT_SECONDS,
            "tcp_user_timeout": TIMEOUT_SECONDS * 1000,
            # Detects a server that disappears after it has received a query.
            "keepalives_idle": TIMEOUT_SECONDS,
            "keepalives_interval": 1,
            "keepalives_count": TIMEOUT_SECONDS,
            "client_encoding": "UTF8",
            # A pooler may send each transaction to another server process, which does not know the statement.
            "prepare_threshold": None,
        },
    )
    if not insecure_tls:
        require_verified_server(engine)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _require_utf8)
    event.listen(engine, "begin", _prepare_transaction)
    event.listen(engine, "checkin", _finish_transaction)
    event.listen(engine, "handle_error", _close_read_only_connections)
    return engine


def _connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> TimedConnection:
    connection = TimedConnection.connect(*arguments, **options)
    connection.response_timeout = TIMEOUT_SECONDS
    return connection


def _require_utf8(connection: Any, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        remedy = "Create another one: createdb --encoding UTF8 --template template0 NAME"
        raise DatabaseUnavailable(f"the encoding of the database is {encoding}, not UTF8", remedy)


def _prepare_transaction(connection: Connection) -> None:
    # Not for the session, which a pooler shares with its other clients. A startup option would replace the options in
    # the URL, and PgBouncer rejects it.
    connection.exec_driver_sql(_SET_FOR_TRANSACTION).close()
    driver: Any = connection.connection.driver_connection
    driver.response_timeout = TIMEOUT_SECONDS + RESPONSE_MARGIN_SECONDS


def _finish_transaction(connection: TimedConnection | None, _record: object) -> None:
    if connection:  # otherwise it was lost
        connection.response_timeout = TIMEOUT_SECONDS


def _close_read_only_connections(context: ExceptionContext) -> None:
    # The server has become a standby, or was one at the start of the session, which remains read-only.
    if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
