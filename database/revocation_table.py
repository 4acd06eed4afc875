"""The revocation list: access tokens that are revoked before they expire. Its ids increase in the order of commits."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, bindparam, delete, func, insert, select, true

from database.advisory_locks import REVOCATION_LOCK
from database.clock import earliest_time
from database.expiry import expired
from database.prepared_statement import PreparedStatement
from database.tables import revocations

READ_BATCH = 2_000
"""How many revocations one query reads. A worker may read a million, whose rows would not fit into its memory."""


class Revocation(NamedTuple):
    """The revocation of one access token, of one session, or of all access tokens issued before a time.

    In the last case, the tokens are those of one user or of all users.
    """

    id: int
    ended: str | None
    """The revoked `sid` or `jti`; None if the revocation is by `issued_before`."""
    idp: str | None
    """The provider of the user; None means every provider."""
    username_folded: str | None
    """None means all users."""
    issued_before: datetime | None


# Built once: building a statement costs more than executing it.
_after = PreparedStatement(
    select(*(revocations.c[name] for name in Revocation._fields))
    .where(revocations.c.id > bindparam("last"))
    .order_by(revocations.c.id)
    .limit(READ_BATCH)
)


def insert_revocations(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Write revocations, and delete expired ones and those that a new one includes.

    This must be the last write of the transaction. Revocations become visible in the order of their ids: PostgreSQL
    commits transactions in any order, so a lock is held until the commit; SQLite has one writer at a time.
    """
    values = list(rows)
    if not values:
        return
    _lock(connection)
    connection.execute(delete(revocations).where(expired(revocations, earliest_time())))
    for row in values:
        if row.get("issued_before"):
            connection.execute(delete(revocations).where(_included_in(row)))
    connection.execute(insert(revocations), values)


def insert_revocations_of(connection: Connection, found: Select[tuple[str, datetime]]) -> None:
    """Write a revocation for each id and time of expiry that a query finds, in one statement.

    After it, as after `insert_revocations`, the transaction must not wait for a lock of another one.
    """
    _lock(connection)
    connection.execute(insert(revocations).from_select(["ended", "expires_at"], found))


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(REVOCATION_LOCK)))


def last_revocation_id(connection: Connection) -> int:
    """Return the id of the newest revocation, 0 if there is none."""
    return connection.scalar(select(func.max(revocations.c.id))) or 0


def _included_in(row: Mapping[str, Any]) -> ColumnElement[bool]:
    """Return the condition for the revocations of tokens all of which the new `row` revokes, too.

    Otherwise each password change of a user would add a row that every worker reads for a year. Rows of another
    process whose clock is ahead remain.
    """
    username, idp = row["username_folded"], row["idp"]
    of_user = revocations.c.username_folded == username if username else true()
    of_provider = revocations.c.idp == idp if idp else true()
    return and_(revocations.c.issued_before <= row["issued_before"], of_user, of_provider)


def revocations_after(engine: Engine, last: int) -> list[Revocation]:
    """Return the first READ_BATCH revocations whose id is greater than `last`. Raises DatabaseUnavailable."""
    return [*map(Revocation._make, _after.rows(engine, {"last": last}))]
