"""What was done to users, and by whom: written in the transaction that did it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from config.text import casefold_name
from database.tables import audit_events

MAX_SHOWN_EVENTS = 20


@dataclass(frozen=True)
class AuditEvent:
    """Something that an operator did."""

    at: datetime
    operator: str
    """`cli:` and the account at the terminal, or the provider and the username of whoever asked over HTTP."""
    action: str
    """One stable word, such as `user_disabled`."""
    username_folded: str | None
    """To whom; `None` if it was to many."""
    details: str | None
    """What changed, for people; never a secret."""


def record_event(
    connection: Connection, operator: str, action: str, username: str | None, details: str | None = None
) -> None:
    """Take note of a change to this user; `None` if it was to many."""
    values = {"operator": operator, "action": action, "details": details}
    connection.execute(
        insert(audit_events).values(username_folded=casefold_name(username) if username else None, **values)
    )


def newest_events(connection: Connection, username: str | None) -> list[AuditEvent]:
    """Return the newest events of whoever has, or had, this name, or of anybody, newest first: at most SHOWN."""
    found = select(*(audit_events.c[name] for name in AuditEvent.__dataclass_fields__))
    if username is not None:
        found = found.where(audit_events.c.username_folded == casefold_name(username))
    return [
        AuditEvent(*row) for row in connection.execute(found.order_by(audit_events.c.id.desc()).limit(MAX_SHOWN_EVENTS))
    ]
