"""When the database cannot be asked: one error of ours for all of SQLAlchemy's."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class DatabaseUnavailable(Exception):
    """The database could not be asked; the text says why, and is for the log or the terminal."""


@contextmanager
def outages_told() -> Iterator[None]:
    """Raise DatabaseUnavailable for whatever says that the database, and not the request, is at fault."""
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except (DBAPIError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        if "no such table" in reason or 'relation "' in reason:
            reason += ". Run: make migrate"
        raise DatabaseUnavailable(reason) from None
