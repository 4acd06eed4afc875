"""The clock of the database, which the replicas of a service share, and the error of their own clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from database.tables import UtcDateTime

MAX_CLOCK_ERROR = timedelta(days=1)
"""How far ahead a clock may be set by mistake, so that revoked tokens are not valid again after its correction."""


def earliest_time() -> datetime:
    """Return the time that it is now at least, even if the clock of this host is ahead."""
    return datetime.now(UTC) - MAX_CLOCK_ERROR


class DatabaseTime(FunctionElement[datetime]):
    """The time at which the database evaluates the expression, not the time at which its transaction began."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(DatabaseTime, "postgresql")
def _compile_for_postgresql(_element: DatabaseTime, _compiler: Any, **_options: Any) -> str:
    return "clock_timestamp()"


@compiles(DatabaseTime, "sqlite")
def _compile_for_sqlite(_element: DatabaseTime, _compiler: Any, **_options: Any) -> str:
    # In SQLAlchemy's format. CURRENT_TIMESTAMP has no fractions of a second.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
