"""In which condition a database is, apart from its tables."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import unquote

from sqlalchemy import Engine, text

from database.error_translation import translate_database_errors


def server_version(engine: Engine) -> str:
    """Return which database it is, and of which version. Raises DatabaseUnavailable."""
    asked = "SELECT sqlite_version()" if engine.name == "sqlite" else "SHOW server_version"
    with translate_database_errors(), engine.connect() as connection:
        version = connection.scalar(text(asked))
    return f"{'SQLite' if engine.name == 'sqlite' else 'PostgreSQL'} {version}"


def sqlite_files(engine: Engine) -> list[Path]:
    """Return the files of an SQLite database that are there; none for a server's."""
    if engine.name != "sqlite":
        return []
    path = unquote(str(engine.url.database).removeprefix("file:"))
    return [file for file in (Path(path + ending) for ending in ("", "-wal", "-shm")) if file.exists()]


def clock_offset(engine: Engine) -> timedelta:
    """Return by how much the server's clock is ahead of this machine's. Raises DatabaseUnavailable."""
    with translate_database_errors(), engine.connect() as connection:
        connection.scalar(text("SELECT 1"))  # what a connection costs is not to count
        began, asked = monotonic(), datetime.now(UTC)
        there: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return there - (asked + timedelta(seconds=(monotonic() - began) / 2))
