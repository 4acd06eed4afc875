"""The temporary tables of an import, and the conditions under which a user in them is not imported."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    exists,
    literal_column,
)

from database.tables import users

staging = MetaData()


def _temporary(name: str, *columns: Column[Any]) -> Table:
    return Table(name, staging, *columns, prefixes=["TEMPORARY"])


candidates = _temporary(
    "candidates",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False),
    Column("email", Text),
    Column("email_folded", Text),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("weak", Boolean, nullable=False),
    Column("role_set", Integer, nullable=False),
)
# Large imports have few distinct sets of roles.
role_sets = _temporary(
    "role_sets",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
)
# Rows that are not imported. The reason is null if the user is already in the user table.
excluded = _temporary(
    "excluded", Column("position", Integer, primary_key=True, autoincrement=False), Column("reason", Text)
)

# Created after the rows are loaded, which is faster.
INDEXES = (
    "CREATE INDEX candidates_username ON candidates (username_folded)",
    "CREATE INDEX candidates_email ON candidates (email_folded)",
)

not_excluded = ~exists().where(excluded.c.position == candidates.c.position)
user = users.alias("user")
_earlier = candidates.alias("earlier")
_username, _email = candidates.c.username_folded, candidates.c.email_folded
# Rows of `user` that another transaction wrote (PostgreSQL).
_of_other_transactions = literal_column('"user".xmin <> pg_current_xact_id()::xid', Boolean)


def _in_table(name: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(column == name)


def _in_earlier_row(name: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(column == name, _earlier.c.position < candidates.c.position)


# One query for each condition: a single query with OR is slower than all of them.
CONFLICTS: list[tuple[ColumnElement[bool], str | None]] = [
    (_in_table(_username, user.c.username_folded), None),
    (_in_table(_username, user.c.email_folded), "the username is the email of another user"),
    (_in_table(_email, user.c.email_folded), "the email belongs to another user"),
    (_in_table(_email, user.c.username_folded), "the email is the username of another user"),
    (_in_earlier_row(_username, _earlier.c.username_folded), "an earlier row has the same username"),
    (_in_earlier_row(_email, _earlier.c.email_folded), "an earlier row has the same email"),
    (_in_earlier_row(_username, _earlier.c.email_folded), "the username is the email of an earlier row"),
    (_in_earlier_row(_email, _earlier.c.username_folded), "the email is the username of an earlier row"),
]
"""In this order: why a candidate is excluded. None: the user is already in the user table."""

CONCURRENT_CONFLICTS = [
    exists().where(column == name, _of_other_transactions)
    for name, column in ((_username, user.c.email_folded), (_email, user.c.username_folded))
]
"""Names that another transaction has added, and that no unique constraint covers (PostgreSQL)."""


def load_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows to one of the temporary tables, by COPY on PostgreSQL."""
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(rows))  # noqa: S608 - constant names
        return
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
