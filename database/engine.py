"""The engine: one for SQLite, one for PostgreSQL, both set up for many threads and bad days."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

import psycopg
from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from config.errors import ConfigurationError, Problem
from config.service_settings import DatabaseSettings

# What comes before the last @ is the password: a host with one would be a part of it.
_HOST = re.compile(r"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?)?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")

# The provider and the sessions share one, and its connections, for as long as somebody holds it.
_OPEN: WeakValueDictionary[tuple[SecretStr, bool], Engine] = WeakValueDictionary()

TIMEOUT_SECONDS = 5  # seconds for a connection, a lock, a statement, or a network that is silent, each


def open_engine(settings: DatabaseSettings, may_create: bool = False) -> Engine:
    """Return an engine that connects when it is first used. Thread-safe.

    A missing SQLite file is DatabaseUnavailable at first use, unless `may_create`. Raises ConfigurationError if
    DATABASE_URL is neither an SQLite nor a PostgreSQL URL.
    """
    opened = (settings.url, may_create)
    engine = _OPEN.get(opened)
    if engine is None:
        engine = _OPEN[opened] = _new_engine(settings, may_create)
    return engine


@contextmanager
def begin_write(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that reads before it writes; it is rolled back if anything is raised."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            # Who has read and then wants to write is refused at once where somebody else has written meanwhile.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextmanager
def begin_snapshot(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction in which every query sees the database as it was at the first one."""
    if engine.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        if engine.name == "sqlite":
            # Without it each query is a transaction of its own.
            connection.exec_driver_sql("BEGIN")
        yield connection


def _new_engine(settings: DatabaseSettings, may_create: bool) -> Engine:
    try:
        url = make_url(settings.url.get_secret_value())
        if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
            return _sqlite(url, may_create)
        if url.get_backend_name() in {"postgresql", "postgres"} and _HOST.fullmatch(url.host or ""):
            return _postgresql(url)
    except (ArgumentError, ValueError):  # the message may have the password in it
        raise _invalid("is not a URL") from None
    raise _invalid("names neither an SQLite file nor a PostgreSQL database (write @ in a password as %40)")


def _invalid(found: str) -> ConfigurationError:
    return ConfigurationError([Problem("DATABASE_URL", found, DatabaseSettings.remedy("url"))])


def _sqlite(url: URL, may_create: bool) -> Engine:
    file = f"file:{quote(str(url.database))}"
    mode = {"uri": "true", "mode": "rwc" if may_create else "rw"}
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite", database=file).update_query_dict(mode),
        hide_parameters=True,
        pool_timeout=TIMEOUT_SECONDS,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # First the patience: changing the journal takes a lock that another worker may be holding.
    for pragma in (
        f"busy_timeout={TIMEOUT_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=TIMEOUT_SECONDS,
        connect_args={
            "connect_timeout": TIMEOUT_SECONDS,
            "tcp_user_timeout": TIMEOUT_SECONDS * 1000,
            # For a server that is gone after it has taken a question.
            "keepalives_idle": TIMEOUT_SECONDS,
            "keepalives_interval": 1,
            "keepalives_count": TIMEOUT_SECONDS,
            "client_encoding": "UTF8",
        },
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _record: object) -> None:
    if connection.info.parameter_status("server_encoding") not in {"UTF8", "SQL_ASCII"}:
        raise psycopg.OperationalError("the database cannot hold every name; make one with ENCODING 'UTF8'")
    # Not as a start-up option: that would push aside those in the URL, and PgBouncer refuses it.
    connection.execute(f"SET statement_timeout = {TIMEOUT_SECONDS * 1000}")
    connection.commit()
