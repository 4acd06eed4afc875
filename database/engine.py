"""The engine: one for SQLite, one for PostgreSQL, both set up for many threads and bad days."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, SecretStr
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from config.problems import ConfigurationError
from config.section import Section

PATIENCE = 5  # seconds that a login waits for a connection, a lock or an answer, each


class DatabaseSettings(Section):
    """Where the database is."""

    prefix: ClassVar[str] = "DATABASE_"

    url: SecretStr = Field(description="sqlite:///users.db or postgresql://user:password@host/database")


def open_engine(environ: Mapping[str, str]) -> Engine:
    """Return an engine for DATABASE_URL, which connects when it is first used. It is thread-safe.

    Raises ConfigurationError if there is no such database to be had.
    """
    settings = DatabaseSettings.read(environ)
    try:
        url = make_url(settings.url.get_secret_value())
    except (ArgumentError, ValueError):
        raise _unusable("it is no URL") from None
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        return _sqlite(url)
    if url.get_backend_name() in {"postgresql", "postgres"}:
        return _postgresql(url)
    raise _unusable("it names neither an SQLite file nor a PostgreSQL database")


def _unusable(why: str) -> ConfigurationError:
    description = DatabaseSettings.model_fields["url"].description
    return ConfigurationError([f"DATABASE_URL cannot be used: {why}. Write {description}."])


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), hide_parameters=True, pool_timeout=PATIENCE)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # First the patience: changing the journal takes a lock that another worker may be holding.
    for pragma in (f"busy_timeout={PATIENCE * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=PATIENCE,
        connect_args={"connect_timeout": PATIENCE, "options": f"-c statement_timeout={PATIENCE * 1000}"},
    )
