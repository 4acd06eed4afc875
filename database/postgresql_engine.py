"""SQLAlchemy engines for PostgreSQL. The driver is imported only if DATABASE_URL names such a server."""

from typing import Any

from psycopg.pq import Conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from database.connection_options import (
    IS_SNAPSHOT,
    TIMEOUT_SECONDS,
    validate_parameters,
)
from database.errors import DatabaseUnavailable
from database.postgresql_connection import TimedConnection
from database.tls import require_verified_server

# The options of libpq. The arguments of the driver are not among them: they change how the service uses connections.
_POSTGRESQL_PARAMETERS = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())


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
    return engine


def _connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> TimedConnection:
    return TimedConnection.connect(*arguments, **options)


def _require_utf8(connection: Any, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        remedy = "Create another one: createdb --encoding UTF8 --template template0 NAME"
        raise DatabaseUnavailable(f"the encoding of the database is {encoding}, not UTF8", remedy)


def _prepare_session(connection: TimedConnection, _record: object) -> None:
    connection.prepare_session()


def _require_connection(connection: TimedConnection, _record: object, _proxy: object) -> None:
    if connection.is_lost:
        raise DisconnectionError  # the pool opens another one


def _begin_transaction(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    mode = "ISOLATION LEVEL REPEATABLE READ" if IS_SNAPSHOT in connection.get_execution_options() else ""
    connection.exec_driver_sql(driver.begin_command(mode)).close()
