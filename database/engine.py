"""SQLAlchemy engines for SQLite and PostgreSQL, with timeouts, and their transactions."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, Pool, PoolProxiedConnection, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from config.errors import ConfigurationError, Problem
from config.forks import reset_in_forks
from config.service_settings import DatabaseSettings
from database.connection_options import (
    IS_SNAPSHOT,
    RESPONSE_MARGIN_SECONDS,
    TIMEOUT_SECONDS,
    invalid_url,
    validate_parameters,
)
from database.error_translation import translate_database_errors, translate_driver_errors
from database.sqlite_file import absolute_path, foreign_file, full_disk, require_usable_file

# No @: the host of a URL whose password has an unescaped @ begins with a part of the password, and errors show it.
_HOST = re.compile(r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?)?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_SEVERAL_HOSTS = re.compile(r"postgres(?:ql)?(?:\+\w+)?://(?:[^/?]*@)?[\w.:-]+(?:,[\w.:-]+)+(?:[/?]|$)")

# The provider and the sessions share an engine and its connections. An engine is freed with the last reference to it.
_engines: WeakValueDictionary[tuple[SecretStr, bool, bool], Engine] = WeakValueDictionary()

# The parameters of an SQLite URI, except `mode`, which depends on the command.
_SQLITE_PARAMETERS = frozenset({"cache", "immutable", "nolock", "psow", "vfs"})

# A fork keeps the connections that it inherits, unused: closing them could end those of its parent.
_inherited_pools: list[Pool] = []


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
def begin_statement(engine: Engine, shared_lock: int | None = None) -> Iterator[Any]:
    """Begin a transaction for one statement, and yield a cursor of the driver, which executes it.

    With PostgreSQL, it takes one round trip instead of three. A second statement would be a transaction of its own. The
    statement is prepared if it is executed often: use this for lookups and updates by a key, whose best plan does not
    depend on the values. `shared_lock` is an advisory lock of PostgreSQL for the transaction. It takes two more round
    trips. Raises DatabaseUnavailable.
    """
    with translate_database_errors(), translate_driver_errors(engine.dialect):
        connection = engine.raw_connection()
        try:
            driver: Any = connection.driver_connection
            yield driver.begin_statement(shared_lock) if engine.name == "postgresql" else driver.cursor()
            driver.commit()
        except BaseException:
            _discard(engine, connection)
            raise
        connection.close()


def _discard(engine: Engine, connection: PoolProxiedConnection) -> None:
    """Close a connection after an error. If the server has closed it or does not respond, close the others too."""
    driver: Any = connection.driver_connection
    is_lost = engine.name == "postgresql" and driver.closed
    connection.invalidate()
    if is_lost:
        engine.dispose()


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
    with engine.execution_options(**{IS_SNAPSHOT: True}).begin() as connection:
        if engine.name == "sqlite":
            # Without this statement, each query is a transaction of its own.
            connection.exec_driver_sql("BEGIN")
        yield connection


def limit_statements(connection: Connection, seconds: int | None) -> None:
    """Change the timeout of the remaining statements of this transaction; `None`: no limit. For PostgreSQL only."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {(seconds or 0) * 1000}")
        driver: Any = connection.connection.driver_connection
        driver.response_timeout = seconds and seconds + RESPONSE_MARGIN_SECONDS


def _create_engine(settings: DatabaseSettings, may_create: bool) -> Engine:
    text = settings.url.get_secret_value()
    if _SEVERAL_HOSTS.match(text):
        remedy = "Write them as parameters: postgresql://user:password@/database?host=HOST1:5432&host=HOST2:5432"
        raise ConfigurationError([Problem("DATABASE_URL", "names several hosts before its path", remedy)])
    try:
        url = make_url(text)
        if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
            return _sqlite(url, may_create)
        if url.get_backend_name() in {"postgresql", "postgres"} and _HOST.fullmatch(url.host or ""):
            from database.postgresql_engine import postgresql_engine

            return postgresql_engine(url, settings.insecure_tls)
    except (ArgumentError, ValueError):  # the message may contain the password
        raise invalid_url("is not a URL") from None
    raise invalid_url("names neither an SQLite file nor a PostgreSQL database (write @ in a password as %40)")


def _sqlite(url: URL, may_create: bool) -> Engine:
    validate_parameters(url, _SQLITE_PARAMETERS)
    path = absolute_path(str(url.database))
    mode = {"uri": "true", "mode": "rwc" if may_create else "rw"}
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite", database=f"file:{quote(str(path))}").update_query_dict(mode),
        hide_parameters=True,
        pool_timeout=TIMEOUT_SECONDS,
    )
    event.listen(engine, "do_connect", partial(_prepare_file, path, may_create))
    event.listen(engine, "connect", partial(_prepare_sqlite, path))
    return engine


def _prepare_file(path: Path, may_create: bool, *_arguments: object) -> None:
    require_usable_file(path, may_create)
    if may_create:
        # SQLite would let other users read the password hashes. It gives the files of its journal the same mode.
        with suppress(OSError):  # the file exists, or SQLite reports the error
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(path: Path, connection: Any, _record: object) -> None:
    try:
        _set_pragmas(connection)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_NOTADB":
            raise foreign_file(path) from None
        if error.sqlite_errorname.startswith("SQLITE_IOERR") and (full := full_disk(path)):
            raise full from None
        raise


def _set_pragmas(connection: Any) -> None:
    # The timeout is set first: changing the journal mode takes a lock that another worker may hold.
    # With `synchronous=NORMAL`, a power failure could undo the last commits: a revoked token would be valid again.
    for pragma in (
        f"busy_timeout={TIMEOUT_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _leave_connections_to_parent() -> None:
    for engine in [*_engines.values()]:
        _inherited_pools.append(engine.pool)
        engine.dispose(close=False)


reset_in_forks(_leave_connections_to_parent)
