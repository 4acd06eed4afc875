"""The translation of SQLAlchemy's errors into DatabaseUnavailable."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from database.errors import DatabaseUnavailable

MIGRATE = "Run: make migrate"

_MISSING_TABLE, _MISSING_COLUMN = "42P01", "42703"
# SQLSTATEs of PostgreSQL and error names of SQLite.
_REMEDIES = {
    _MISSING_TABLE: MIGRATE,
    _MISSING_COLUMN: MIGRATE,
    "SQLITE_CANTOPEN": "If the database is new, run: make migrate",
    "55P03": "Another process is using its tables: try again",
    "SQLITE_BUSY": "Another process is using its tables: try again",
    "42501": "Grant the user of DATABASE_URL the right to read and write every table",
}


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable in place of errors that the database causes, and not the statement."""
    try:
        yield
    except (DatabaseError, InterfaceError, PoolTimeout) as error:
        cause = getattr(error, "orig", error)
        remedy = _REMEDIES.get(_code(cause))
        if remedy is None and isinstance(error, DataError | IntegrityError | ProgrammingError):
            raise
        raise DatabaseUnavailable(str(cause).partition("\n")[0], remedy) from None


def _code(cause: object) -> str:
    """Return the SQLSTATE or the SQLite error name; an empty string if the error has none."""
    if isinstance(cause, sqlite3.Error) and _lacks_a_migration(cause):
        return _MISSING_TABLE
    return getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""


def _lacks_a_migration(error: sqlite3.Error) -> bool:
    # SQLite has no code of its own for a missing table or column.
    return str(error).startswith(("no such ", "table users has no column"))
