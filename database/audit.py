"""Audit events: which operator changed which user. Each is written in the transaction of the change."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from config.text import casefold_name
from database.tables import audit_events

MAX_SHOWN_EVENTS = 20


@dataclass(frozen=True)
class AuditEvent:
    """A change by an operator."""

    at: datetime
    operator: str
    """`cli:` and the account at the terminal, or the provider and the username of the caller of the HTTP API."""
    action: str
    """A stable identifier, such as `user_disabled`."""
    username_folded: str | None
    """The changed user; None if the change concerns many."""
    details: str | None
    """What changed, for people. It contains no secrets."""


def record_event(
    connection: Connection, operator: str, action: str, username: str | None, details: str | None = None
) -> None:
    """Write an audit event. `username` is the changed user; None if the change concerns many."""
    values = {"operator": operator, "action": action, "details": details}
    username_folded = casefold_name(username) if username else None
    connection.execute(insert(audit_events).values(username_folded=username_folded, **values))


def newest_events(connection: Connection, username: str | None) -> list[AuditEvent]:
    """Return at most MAX_SHOWN_EVENTS events, newest first: of all users, or of this username."""
    query = select(*(audit_events.c[name] for name in AuditEvent.__dataclass_fields__))
    if username is not None:
        query = query.where(audit_events.c.username_folded == casefold_name(username))
    newest = query.order_by(audit_events.c.id.desc()).limit(MAX_SHOWN_EVENTS)
    return [AuditEvent(*row) for row in connection.execute(newest)]
