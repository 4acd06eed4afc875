"""The translation of SQLAlchemy's errors into DatabaseUnavailable."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from database.errors import DatabaseUnavailable, PoolExhausted

MIGRATE = "Run: make migrate"
MIGRATE_NEW_FILE = "If the database is new, run: make migrate"
GRANT_FILE = "Give the service's account the right to write to the file and its directory"
FREE_SPACE = "Free space on the disk of the SQLite file"

_MISSING_TABLE, _MISSING_COLUMN = "42P01", "42703"
# By SQLSTATE of PostgreSQL, or by primary error code of SQLite.
_REMEDIES = {
    _MISSING_TABLE: MIGRATE,
    _MISSING_COLUMN: MIGRATE,
    "SQLITE_CANTOPEN": MIGRATE_NEW_FILE,
    "55P03": "Another process is using its tables: try again",
    "SQLITE_BUSY": "Another process is using its tables: try again",
    "42501": "Grant the user of DATABASE_URL the right to read and write every table",
    "SQLITE_READONLY": GRANT_FILE,
    "53100": "Free space on the disk of the database server",
    "SQLITE_FULL": FREE_SPACE,
    "SQLITE_IOERR": f"{FREE_SPACE} or, if it has space, look for faults of the disk, and for limits of file sizes",
    "SQLITE_CORRUPT": "The SQLite file is damaged: restore a backup",
}
# SQLite has no error code for a missing table or column.
_MISSING_IN_SQLITE = re.compile(r"no such (?:table|column): |table \w+ has no column named ")


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable instead of errors whose cause is the database, and not the statement or its values."""
    try:
        yield
    except PoolTimeout:
        raise PoolExhausted("no connection became free in time") from None
    except (DatabaseError, InterfaceError) as error:
        remedy = _REMEDIES.get(_error_code(error))
        if remedy is None and isinstance(error, DataError | IntegrityError | ProgrammingError):
            raise
        # Further lines of the message may show the values of a row.
        raise DatabaseUnavailable(str(error.orig).partition("\n")[0], remedy) from None


@contextmanager
def translate_driver_errors(dialect: Any) -> Iterator[None]:
    """Raise the exception of SQLAlchemy for an error of the driver, instead of this error."""
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, dialect=dialect) from error


def _error_code(error: DBAPIError) -> str:
    """Return the SQLSTATE, or the primary error code of SQLite; an empty string if the error has none."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        if _MISSING_IN_SQLITE.match(str(cause)):
            return _MISSING_TABLE
        # An extended code has the primary one as its prefix, such as SQLITE_BUSY_SNAPSHOT.
        return "_".join(getattr(cause, "sqlite_errorname", "").split("_")[:2])
    return getattr(cause, "sqlstate", None) or ""
