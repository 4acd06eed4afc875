"""When the database cannot be asked: one error of ours for all of SQLAlchemy's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class DatabaseUnavailable(Exception):
    """The database could not be asked; the text says why, and is for the log or the terminal."""


@contextmanager
def raising_database_unavailable() -> Iterator[None]:
    """Raise DatabaseUnavailable for whatever says that the database, and not the request or we, are at fault."""
    try:
        yield
    except (DatabaseError, InterfaceError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        if _lacks_a_table(error):
            reason += ". Run: make migrate"
        elif "unable to open database file" in reason:
            reason += ". If it is new, run: make migrate"
        elif _lacks_a_right(error):
            reason += ". The user of DATABASE_URL needs the right to read and write every table"
        elif isinstance(error, DataError | IntegrityError | ProgrammingError):
            raise
        raise DatabaseUnavailable(reason) from None


def _lacks_a_right(error: Exception) -> bool:
    return getattr(getattr(error, "orig", None), "sqlstate", None) == "42501"


def _lacks_a_table(error: Exception) -> bool:
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlstate", None) == "42P01" or "no such table" in str(cause)
