"""What ends access tokens before their time, written so that readers can follow."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from database.tables import revocations

_LOCK = 7242


@dataclass(frozen=True)
class Revocation:
    """The end of one token or session, or of all that a user, or everybody, has from before a time."""

    id: int
    ended: str | None
    """The `sid` or `jti` that is ended; `None` if `issued_before` says what is."""
    idp: str | None
    """Whose user: `None` for every provider's."""
    username_folded: str | None
    """`None` for everybody."""
    issued_before: datetime | None
    expires_at: datetime
    """When the last token that it ends has run out by itself."""


# Built once: building a statement costs more than running it.
_after = select(revocations).where(revocations.c.id > bindparam("last")).order_by(revocations.c.id)


def insert_revocations(connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Write revocations, as the last thing that the transaction does.

    They become visible in the order of their ids: on PostgreSQL, where transactions commit in any order,
    a lock that is held until the end sees to that; SQLite has one writer anyway.
    """
    written = list(rows)
    if not written:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    connection.execute(delete(revocations).where(revocations.c.expires_at < datetime.now(UTC)))
    connection.execute(insert(revocations), written)


def revocations_after(connection: Connection, last: int) -> list[Revocation]:
    """Return the revocations with ids above `last`."""
    return [Revocation(**row._mapping) for row in connection.execute(_after, {"last": last})]  # noqa: SLF001 - SQLAlchemy's name
