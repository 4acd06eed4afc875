"""SQLAlchemy engines for SQLite and PostgreSQL, with timeouts, and their transactions."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

import psycopg
from psycopg.pq import Conninfo
from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, ExceptionContext, Pool, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from config.errors import ConfigurationError, Problem
from config.forks import reset_in_forks
from config.service_settings import DatabaseSettings
from database.postgresql_connection import TimedConnection
from database.tls import require_verified_server

# No @: the host of a URL whose password has an unescaped @ begins with a part of the password, and errors show it.
_HOST = re.compile(r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?)?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")

# The provider and the sessions share an engine and its connections. An engine is freed with the last reference to it.
_engines: WeakValueDictionary[tuple[SecretStr, bool, bool], Engine] = WeakValueDictionary()

# The parameters of an SQLite URI, except `mode`, which depends on the command; and the options of libpq. The arguments
# of the drivers are not among them: they change how the service uses its connections.
_SQLITE_PARAMETERS = frozenset({"cache", "immutable", "nolock", "psow", "vfs"})
_POSTGRESQL_PARAMETERS = frozenset(option.keyword.decode() for option in Conninfo.get_defaults())

# A fork keeps the connections that it inherits, unused: closing them could end those of its parent.
_inherited_pools: list[Pool] = []

TIMEOUT_SECONDS = 5
"""The timeout for opening a connection, for a lock, for a statement, and for a network that does not respond."""

_RESPONSE_MARGIN_SECONDS = 1
"""How long after the timeout of a statement PostgreSQL has to report it."""

# A server whose default is `off` acknowledges a commit that a crash can undo: a revoked token would be valid again.
# Every other value is the operator's choice among standbys.
_SET_FOR_TRANSACTION = f"""
SELECT set_config('statement_timeout', '{TIMEOUT_SECONDS}s', true),
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
"""


def open_engine(settings: DatabaseSettings, may_create: bool = False) -> Engine:
    """Return an engine that connects when it is first used. Thread-safe.

    If an SQLite file does not exist, the first use creates it with `may_create`, readable only by its owner; otherwise
    it raises DatabaseUnavailable.
    Raises ConfigurationError if DATABASE_URL is neither an SQLite nor a PostgreSQL URL, or if it names a PostgreSQL
    server on another host that is not verified, without DATABASE_INSECURE_TLS.
    """
    key = (settings.url, settings.insecure_tls, may_create)
    engine = _engines.get(key)
    if engine is None:
        engine = _engines[key] = _create_engine(settings, may_create)
    return engine


def open_connections() -> tuple[int, int]:
    """Return how many connections of this process are in use, and how many are idle."""
    pools = [engine.pool for engine in _engines.values() if isinstance(engine.pool, QueuePool)]
    return sum(pool.checkedout() for pool in pools), sum(pool.checkedin() for pool in pools)


@contextmanager
def begin_write(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that reads before it writes. It is rolled back if the block raises."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            # Otherwise SQLite rejects the first write, without waiting, if another process wrote after the first read.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def begin_snapshot(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction in which every query sees the database as it was at the first one."""
    if engine.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        if engine.name == "sqlite":
            # Without this statement, each query is a transaction of its own.
            connection.exec_driver_sql("BEGIN")
        yield connection


def limit_statements(connection: Connection, seconds: int | None) -> None:
    """Change the timeout of the remaining statements of this transaction; `None`: no limit. For PostgreSQL only."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {(seconds or 0) * 1000}")
        _driver_connection(connection).response_timeout = seconds and seconds + _RESPONSE_MARGIN_SECONDS


def _create_engine(settings: DatabaseSettings, may_create: bool) -> Engine:
    try:
        url = make_url(settings.url.get_secret_value())
        if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
            return _sqlite(url, may_create)
        if url.get_backend_name() in {"postgresql", "postgres"} and _HOST.fullmatch(url.host or ""):
            return _postgresql(url, settings.insecure_tls)
    except (ArgumentError, ValueError):  # the message may contain the password
        raise _invalid("is not a URL") from None
    raise _invalid("names neither an SQLite file nor a PostgreSQL database (write @ in a password as %40)")


def _invalid(found: str) -> ConfigurationError:
    return ConfigurationError([Problem("DATABASE_URL", found, DatabaseSettings.remedy("url"))])


def _validate_parameters(url: URL, known: frozenset[str]) -> None:
    """Raise ConfigurationError, without names or values: they may be a part of a password with an unescaped `?`."""
    repeated = {name for name, value in url.query.items() if not isinstance(value, str)}
    if not known.issuperset(url.query) or repeated - {"host"}:
        raise _invalid("has an unknown or repeated parameter after the question mark")


def _sqlite(url: URL, may_create: bool) -> Engine:
    _validate_parameters(url, _SQLITE_PARAMETERS)
    file = f"file:{quote(str(url.database))}"
    mode = {"uri": "true", "mode": "rwc" if may_create else "rw"}
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite", database=file).update_query_dict(mode),
        hide_parameters=True,
        pool_timeout=TIMEOUT_SECONDS,
    )
    if may_create:
        event.listen(engine, "do_connect", partial(_create_private_file, str(url.database)))
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _create_private_file(path: str, *_arguments: object) -> None:
    # SQLite would let other users read the password hashes. It gives the files of its journal the same mode.
    with suppress(OSError):  # the file exists, or SQLite reports the error
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The timeout is set first: changing the journal mode takes a lock that another worker may hold.
    # With `synchronous=NORMAL`, a power failure could undo the last commits: a revoked token would be valid again.
    for pragma in (
        f"busy_timeout={TIMEOUT_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(url: URL, insecure_tls: bool) -> Engine:
    _validate_parameters(url, _POSTGRESQL_PARAMETERS)
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
    if connection.info.parameter_status("server_encoding") not in {"UTF8", "SQL_ASCII"}:
        raise psycopg.OperationalError("its encoding cannot store every name; create it with ENCODING 'UTF8'")


def _prepare_transaction(connection: Connection) -> None:
    # Not for the session, which a pooler shares with its other clients. A startup option would replace the options in
    # the URL, and PgBouncer rejects it.
    connection.exec_driver_sql(_SET_FOR_TRANSACTION).close()
    _driver_connection(connection).response_timeout = TIMEOUT_SECONDS + _RESPONSE_MARGIN_SECONDS


def _finish_transaction(connection: TimedConnection | None, _record: object) -> None:
    if connection:  # otherwise it was lost
        connection.response_timeout = TIMEOUT_SECONDS


def _close_read_only_connections(context: ExceptionContext) -> None:
    # The server has become a standby, or was one at the start of the session, which remains read-only.
    if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True


def _leave_connections_to_parent() -> None:
    for engine in [*_engines.values()]:
        _inherited_pools.append(engine.pool)
        engine.dispose(close=False)


reset_in_forks(_leave_connections_to_parent)


def _driver_connection(connection: Connection) -> TimedConnection:
    driver_connection: TimedConnection = connection.connection.driver_connection  # type: ignore[assignment]  # any driver's
    return driver_connection
