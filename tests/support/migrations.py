"""Databases at any revision: their tables as they tell them, rows for these, and the way from one to another."""

from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, Column, DateTime, Engine, Integer, MetaData, Table, insert, inspect, select

from database.schema import REVISIONS
from tests.support.flask_program import ROOT

BASE = "base"
ALL = [BASE, *REVISIONS]

START = datetime(2031, 1, 1, tzinfo=UTC)


def migrate(engine: Engine, revision: str) -> None:
    """Bring the database to a revision, forward or back."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["engine"] = engine
    here = inspect(engine).has_table("alembic_version") and _revision(engine)
    forward = ALL.index(here or BASE) < ALL.index(revision)
    (command.upgrade if forward else command.downgrade)(config, revision)


def _revision(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def tables_of(engine: Engine) -> list[Table]:
    """Return the tables that are there, those first to which others refer."""
    reflected = MetaData()
    reflected.reflect(engine)
    return [table for table in reflected.sorted_tables if table.name != "alembic_version"]


def row_for(table: Table, number: int) -> dict[str, Any]:
    """Return a row of a table, another one for each number; it refers to the rows of the same number."""
    row = {column.name: _value(column, number) for column in table.columns}
    if "issued_before" in row:
        row["ended" if number % 2 else "issued_before"] = None
    if "email" in row and not number % 3:
        row |= {"email": None, "email_folded": None}
    return row


def _value(column: Column[Any], number: int) -> object:
    if isinstance(column.type, Boolean):
        return bool(number % 2)
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, DateTime):
        return START + timedelta(seconds=number, microseconds=number)
    return f"{column.name} Zoé {number}"


def fill(engine: Engine, numbers: range) -> None:
    """Put rows into every table."""
    with engine.begin() as connection:
        for table in tables_of(engine):
            connection.execute(insert(table), [row_for(table, number) for number in numbers])


def contents(engine: Engine, tables: list[Table]) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is in these columns of these tables."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in tables
        }


def shape(engine: Engine) -> dict[str, Any]:
    """Return all that the database says of its tables, in one order."""
    inspector = inspect(engine)
    ask = ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "check_constraints", "indexes")
    return {
        table: {kind: _comparable(getattr(inspector, f"get_{kind}")(table)) for kind in ask}
        for table in inspector.get_table_names()
    }


def _comparable(thing: Any) -> Any:
    """Return the same with every list in one order, and types as text."""
    if isinstance(thing, dict):
        return {key: _comparable(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return sorted((_comparable(value) for value in thing), key=str)
    return thing if thing is None or isinstance(thing, str | bool | int) else str(thing)
