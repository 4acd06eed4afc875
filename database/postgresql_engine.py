"""SQLAlchemy engines for PostgreSQL. The driver is imported only if DATABASE_URL names such a server."""

from typing import Any

import psycopg
from psycopg.pq import Conninfo
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DisconnectionError

from database.connection_options import (
    IS_SNAPSHOT,
    IS_STATEMENT,
    RESPONSE_MARGIN_SECONDS,
    TIMEOUT_SECONDS,
    validate_parameters,
)
from database.errors import DatabaseUnavailable
from database.postgresql_connection import TimedConnection
from database.tls import require_verified_server

# The options of libpq. The arguments of the driver are not among them: they change how the service uses connections.
_POSTGRESQL_PARAMETERS = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())

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


def postgresql_engine(url: URL, insecure_tls: bool) -> Engine:
    """Return an engine that connects when it is first used.

    Raises ConfigurationError if the URL has unknown parameters, or if the server is not verified, see `open_engine`.
    """
    validate_parameters(url, _POSTGRESQL_PARAMETERS)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",  # `_begin_transaction` begins transactions
        pool_timeout=TIMEOUT_SECONDS,
        connect_args={
            "connect_timeout": TIMEOUT_SECONDS,
            "tcp_user_timeout": TIMEOUT_SECONDS * 1000,
            # Detects a server that disappears after it has received a query.
            "keepalives_idle": TIMEOUT_SECONDS,
            "keepalives_interval": 1,
            "keepalives_count": TIMEOUT_SECONDS,
            "client_encoding": "UTF8",
            "prepare_threshold": None,
        },
    )
    if not insecure_tls:
        require_verified_server(engine)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _require_utf8)
    event.listen(engine, "connect", _prepare_session)
    event.listen(engine, "checkout", _require_connection)
    event.listen(engine, "begin", _begin_transaction)
    event.listen(engine, "checkin", _finish_transaction)
    event.listen(engine, "handle_error", _close_read_only_connections)
    return engine


def _connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> TimedConnection:
    connection = TimedConnection.connect(*arguments, **options)
    connection.response_timeout = _RESPONSE_TIMEOUT
    return connection


def _require_utf8(connection: Any, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        remedy = "Create another one: createdb --encoding UTF8 --template template0 NAME"
        raise DatabaseUnavailable(f"the encoding of the database is {encoding}, not UTF8", remedy)


def _prepare_session(connection: TimedConnection, _record: object) -> None:
    # A startup option would replace the options in the URL, and PgBouncer rejects it.
    connection.find_server_process()
    if connection.has_own_server_process:
        connection.execute(_SET_FOR_SESSION)


def _require_connection(connection: TimedConnection, _record: object, _proxy: object) -> None:
    if connection.is_lost:
        raise DisconnectionError  # the pool opens another one


def _begin_transaction(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    options = connection.get_execution_options()
    is_statement = driver.has_own_server_process and IS_STATEMENT in options
    # Another server process of a pooler would not know the statement.
    driver.prepare_threshold = _PREPARE_THRESHOLD if is_statement else None
    if is_statement:
        return  # a statement without BEGIN is a transaction
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ" if IS_SNAPSHOT in options else "BEGIN"
    # In one round trip. Not for the session, which a pooler shares with its other clients.
    settings = "" if driver.has_own_server_process else f"; {_SET_FOR_TRANSACTION}"
    connection.exec_driver_sql(begin + settings).close()


def _finish_transaction(connection: TimedConnection | None, _record: object) -> None:
    if connection:  # otherwise it was lost
        connection.response_timeout = _RESPONSE_TIMEOUT


def _close_read_only_connections(context: ExceptionContext) -> None:
    # The server has become a standby, or was one at the start of the session, which remains read-only.
    if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
