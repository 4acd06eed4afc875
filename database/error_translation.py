"""When the database cannot be asked: one error of ours for all of SQLAlchemy's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from database.errors import DatabaseUnavailable


@contextmanager
def raising_database_unavailable() -> Iterator[None]:
    """Raise DatabaseUnavailable for whatever says that the database, and not the request or we, are at fault."""
    try:
        yield
    except (DatabaseError, InterfaceError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        if _lacks_a_migration(error):
            reason += ". Run: make migrate"
        elif "unable to open database file" in reason:
            reason += ". If it is new, run: make migrate"
        elif _sqlstate(error) == "55P03" or reason == "database is locked":
            reason += ". Somebody is at work in its tables; try again"
        elif _sqlstate(error) == "42501":
            reason += ". The user of DATABASE_URL needs the right to read and write every table"
        elif isinstance(error, DataError | IntegrityError | ProgrammingError):
            raise
        raise DatabaseUnavailable(reason) from None


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _lacks_a_migration(error: Exception) -> bool:
    """Say whether a table or a column is missing."""
    told = str(getattr(error, "orig", None))
    return _sqlstate(error) in {"42P01", "42703"} or told.startswith(("no such ", "table users has no column"))
