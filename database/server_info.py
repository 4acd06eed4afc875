"""Information about the database server: version, files and clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import unquote

from sqlalchemy import Engine, text

from database.error_translation import translate_database_errors


def server_version(engine: Engine) -> str:
    """Return the product and its version, such as `SQLite 3.40.1`. Raises DatabaseUnavailable."""
    query = "SELECT sqlite_version()" if engine.name == "sqlite" else "SHOW server_version"
    with translate_database_errors(), engine.connect() as connection:
        version = connection.scalar(text(query))
    return f"{'SQLite' if engine.name == 'sqlite' else 'PostgreSQL'} {version}"


def sqlite_files(engine: Engine) -> list[Path]:
    """Return the existing files of an SQLite database; an empty list for PostgreSQL."""
    if engine.name != "sqlite":
        return []
    path = _sqlite_path(engine)
    return [file for file in (Path(path + suffix) for suffix in ("", "-wal", "-shm")) if file.exists()]


def _sqlite_path(engine: Engine) -> str:
    return unquote(str(engine.url.database).removeprefix("file:"))


def clock_offset(engine: Engine) -> timedelta:
    """Return how far the clock of the PostgreSQL server is ahead of this machine's. Raises DatabaseUnavailable."""
    with translate_database_errors(), engine.connect() as connection:
        connection.scalar(text("SELECT 1"))  # opens the connection, which must not count
        started, local_time = monotonic(), datetime.now(UTC)
        server_time: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return server_time - (local_time + timedelta(seconds=(monotonic() - started) / 2))


def describe_database(engine: Engine) -> str:
    """Return the path of an SQLite file, or the hosts and the name of a PostgreSQL database, without credentials."""
    if engine.name == "sqlite":
        return f"sqlite {_sqlite_path(engine)}"
    query_hosts = engine.url.query.get("host", ())
    hosts = (query_hosts,) if isinstance(query_hosts, str) else query_hosts
    host = engine.url.host or ", ".join(hosts) or "the local socket"
    port = f":{engine.url.port}" if engine.url.port else ""
    return f"postgresql {engine.url.database or ''} on {host}{port}"
