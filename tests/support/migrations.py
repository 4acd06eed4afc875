"""Databases at any schema revision: migrations, the existing tables, and rows for them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, Column, DateTime, Engine, Integer, MetaData, Table, insert, inspect, select

from database.schema import REVISIONS
from tests.support.flask_program import ROOT

BASE = "base"
ALL_REVISIONS = [BASE, *REVISIONS]

START = datetime(2031, 1, 1, tzinfo=UTC)


def migrate(engine: Engine, revision: str) -> None:
    """Upgrade or downgrade the database to a revision."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["engine"] = engine
    current = inspect(engine).has_table("latchkey_alembic_version") and _revision(engine)
    is_upgrade = ALL_REVISIONS.index(current or BASE) < ALL_REVISIONS.index(revision)
    (command.upgrade if is_upgrade else command.downgrade)(config, revision)


def _revision(engine: Engine) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT version_num FROM latchkey_alembic_version").scalar()


def tables_of(engine: Engine) -> list[Table]:
    """Return the existing tables, each before the tables that refer to it."""
    reflected = MetaData()
    reflected.reflect(engine)
    return [table for table in reflected.sorted_tables if not table.name.endswith("alembic_version")]


def row_for(table: Table, number: int) -> dict[str, Any]:
    """Return a row of a table that is different for each number. It refers to the rows with the same number."""
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


def fill_tables(engine: Engine, numbers: range) -> None:
    """Insert rows into every table."""
    with engine.begin() as connection:
        for table in tables_of(engine):
            connection.execute(insert(table), [row_for(table, number) for number in numbers])


def rows_of(engine: Engine, tables: list[Table]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of these tables, in the columns that they had when they were reflected."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in tables
        }


def schema_of(engine: Engine) -> dict[str, Any]:
    """Return all properties of the tables that the database reports, in a canonical order."""
    inspector = inspect(engine)
    properties = ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "check_constraints", "indexes")
    reported = {kind: getattr(inspector, f"get_multi_{kind}")() for kind in properties}
    return {
        table: {kind: _comparable(of_tables[None, table]) for kind, of_tables in reported.items()}
        for table in inspector.get_table_names()
    }


def _comparable(value: Any) -> Any:
    """Return the same with sorted lists, and types as text."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_comparable(item) for item in value), key=str)
    return value if value is None or isinstance(value, str | bool | int) else str(value)
