"""The temporary tables of an import, and the conditions under which a user in them is not imported."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    exists,
    func,
    literal_column,
    select,
)

from database.tables import NO_PASSWORD, roles, user_roles, users

staging = MetaData()


def temporary_table(name: str, *columns: Column[Any]) -> Table:
    """Return a table that exists only during an import."""
    return Table(name, staging, *columns, prefixes=["TEMPORARY"])


candidates = temporary_table(
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
role_sets = temporary_table(
    "role_sets",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
)
# Rows that are not imported: the kind, the reason, and the position of the other row that is the reason.
excluded = temporary_table(
    "excluded",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("other", Integer),
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


Kind = Literal["rejected", "existing", "different"]
"""Why a row is not imported. Existing: its user is in the table. Different: so it is, but not as in the row."""


class Conflict(NamedTuple):
    """A reason for which a candidate is not imported."""

    kind: Kind
    reason: str
    condition: ColumnElement[bool]
    other: ColumnElement[Any] | None = None
    """The position of the other row that is the reason."""


def _in_table(name: ColumnElement[Any], column: ColumnElement[Any], reason: str) -> Conflict:
    return Conflict("rejected", reason, exists().where(column == name))


def _in_earlier_row(name: ColumnElement[Any], column: ColumnElement[Any], reason: str) -> Conflict:
    is_earlier = and_(column == name, _earlier.c.position < candidates.c.position)
    first = select(func.min(_earlier.c.position)).where(is_earlier).scalar_subquery()
    return Conflict("rejected", reason, exists().where(is_earlier), first)


def _of_user(kind: Kind, reason: str, *conditions: ColumnElement[bool]) -> Conflict:
    """Return the conflict with a user of the same username."""
    return Conflict(kind, reason, exists().where(user.c.username_folded == _username, *conditions))


# A login replaces a weak hash with another one of the same password.
_has_another_password = and_(
    user.c.password_hash != candidates.c.password_hash,
    candidates.c.password_hash != NO_PASSWORD,
    ~and_(candidates.c.weak, user.c.last_login_at.is_not(None)),
)
_of_role = and_(roles.c.id == user_roles.c.role_id, roles.c.name == role_sets.c.role)
_has_role = exists().where(_of_role, user_roles.c.user_id == user.c.id)
_lacks_a_role = exists().where(role_sets.c.number == candidates.c.role_set, ~_has_role)

# One query for each condition: a single query with OR is slower than all of them.
CONFLICTS: list[Conflict] = [
    _of_user("rejected", "the username is that of a user with another email", user.c.email_folded != _email),
    _of_user(
        "rejected", "the username is that of a user without this email", user.c.email.is_(None), _email.is_not(None)
    ),
    _of_user("different", "the user has another password", _has_another_password),
    _of_user("different", "the user lacks a role", _lacks_a_role),
    _of_user("different", "the user is disabled", user.c.active.is_(False), candidates.c.active.is_(True)),
    _of_user("different", "the user is active", user.c.active.is_(True), candidates.c.active.is_(False)),
    _of_user("existing", "the user is in the table"),
    _in_table(_username, user.c.email_folded, "the username is the email of another user"),
    _in_table(_email, user.c.email_folded, "the email belongs to another user"),
    _in_table(_email, user.c.username_folded, "the email is the username of another user"),
    _in_earlier_row(_username, _earlier.c.username_folded, "an earlier row has the same username"),
    _in_earlier_row(_email, _earlier.c.email_folded, "an earlier row has the same email"),
    _in_earlier_row(_username, _earlier.c.email_folded, "the username is the email of an earlier row"),
    _in_earlier_row(_email, _earlier.c.username_folded, "the email is the username of an earlier row"),
]
"""In this order: why a candidate is not imported."""

CONCURRENT_CONFLICTS = [
    exists().where(column == name, _of_other_transactions)
    for name, column in ((_username, user.c.email_folded), (_email, user.c.username_folded))
]
"""Names that another transaction has added, and that no unique constraint covers (PostgreSQL)."""


def granted_roles(
    source: Table, of_candidate: ColumnElement[bool], chunk: ColumnElement[bool]
) -> Select[tuple[int, int]]:
    """Return a query for the ids of written users, with those of the roles that a temporary table gives them.

    `of_candidate` is whether a row of the table belongs to a candidate; `chunk` selects the candidates.
    """
    return (
        select(users.c.id, roles.c.id)
        .select_from(candidates)
        .join(source, of_candidate)
        .join(users, users.c.username_folded == candidates.c.username_folded)
        .join(roles, roles.c.name == source.c.role)
        .where(chunk)
    )


def load_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows to a table, by COPY on PostgreSQL. Their values must be those that the driver stores."""
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(rows))  # noqa: S608 - constant names
        return
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
