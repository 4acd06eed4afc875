"""The tables whose rows expire, and when they do. A test fails if a table with a time of expiry is missing here."""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Table, and_

from database.tables import revocations, service_tokens, sessions

EXPIRIES: dict[Table, tuple[Column[datetime], ...]] = {
    sessions: (sessions.c.expires_at, sessions.c.access_until),
    revocations: (revocations.c.expires_at,),
    service_tokens: (service_tokens.c.expires_at,),
}
"""The columns of each table that must all be past before a row can be deleted."""


def expired(table: Table, now: datetime | BindParameter[Any]) -> ColumnElement[bool]:
    """Return the condition for the rows of the table that have no effect any more."""
    return and_(*(column < now for column in EXPIRIES[table]))
