"""What a database has if it has no schema revision: no tables, or those of another application."""

from sqlalchemy import Connection, inspect

from config.errors import Problem
from database.error_translation import MIGRATE
from database.errors import DatabaseUnavailable
from database.former_names import former_revision
from database.names import PREFIX, VERSION_TABLE

_OTHER_DATABASE = "Name another database in DATABASE_URL, or restore this one from a backup"


def missing_tables(connection: Connection) -> Problem:
    """Return what a database without a schema revision has instead of the tables."""
    names = inspect(connection).get_table_names()
    if unknown := _unknown_tables(names):
        return Problem("the database", _describe_unknown(unknown), _OTHER_DATABASE)
    others = [name for name in names if not name.startswith(PREFIX)]
    if former_revision(connection):
        found = f"has the tables of Latchkey under names without {PREFIX}"
    elif others:
        found = f"has no tables of Latchkey, but those of another application, such as {others[0]}"
    else:
        found = "has no tables"
    return Problem("the database", found, MIGRATE)


def require_no_unknown_tables(connection: Connection) -> None:
    """Raise DatabaseUnavailable if tables of a database without a schema revision have names like those of Latchkey."""
    if unknown := _unknown_tables(inspect(connection).get_table_names()):
        raise DatabaseUnavailable(f"it {_describe_unknown(unknown)}", _OTHER_DATABASE)


def _unknown_tables(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(PREFIX) and name != VERSION_TABLE]


def _describe_unknown(names: list[str]) -> str:
    return f"has the table {names[0]}, but no schema revision in {VERSION_TABLE}"
