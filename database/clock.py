"""The clock of the database. The replicas of a service share it, while their own clocks differ by a second or two."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from database.tables import UtcDateTime


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
