"""Audit events: which operator changed which user. Each is written in the transaction of the change.

After the commit it is also written to the log: a change that is rolled back is not logged.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, or_, select

from audit.events import Event, Member, request_members, write_event
from config.service_settings import USER_TABLE_PROVIDER
from config.text import casefold_name
from database.tables import audit_events, users

_PENDING = "pending audit events"


@dataclass(frozen=True)
class AuditEvent:
    """A change by an operator."""

    at: datetime
    operator: str
    """`cli:` and the account at the terminal, or the provider and the username of the caller of the HTTP API."""
    action: str
    """A stable identifier, such as `user_disabled`."""
    username_folded: str | None
    """The name that the changed user had after the change; None if the change concerns many."""
    details: str | None
    """What changed, for people. It contains no secrets."""
    user_id: int | None
    """The id of the changed user; None if the user is not in the user table, or if the event is too old to have it."""
    request_id: str | None
    """The id of the HTTP request; None for a command, and for an event from before schema revision 0008."""
    current_username: str | None
    """The username that this user has now; None if the user is deleted, or not known."""


@contextmanager
def logged_after_commit(transaction: AbstractContextManager[Connection]) -> Iterator[Connection]:
    """Begin the transaction, and write its audit events to the log after its commit."""
    pending: list[tuple[Event, dict[str, Member]]] = []
    with transaction as connection:
        info = connection.info  # cannot be read if the connection is lost
        info[_PENDING] = pending
        try:
            yield connection
        finally:
            del info[_PENDING]
    for event, members in pending:
        write_event(event, **members)


def record_event(
    connection: Connection,
    operator: str,
    event: Event,
    username: str | None,
    details: str | None = None,
    *,
    user_id: int | None = None,
    provider: str | None = USER_TABLE_PROVIDER,
    at: datetime | None = None,
) -> None:
    """Write an audit event, in a transaction of `logged_after_commit`.

    `username` is the changed user, None if the change concerns many; `user_id` is their id in the user table. `at` is
    the time of the change, by default the current time.
    """
    row: dict[str, Any] = {"operator": operator, "action": event.value, "details": details, "user_id": user_id}
    row["username_folded"] = casefold_name(username) if username else None
    row["request_id"] = request_members().get("request_id")
    if at is not None:
        row["at"] = at
    connection.execute(insert(audit_events).values(row))
    members: dict[str, Member] = {"operator": operator, "account": username, "user_id": user_id, "details": details}
    connection.info[_PENDING].append((event, {**members, "provider": provider if username else None}))


_later = audit_events.alias("later")
# SQLite gives the id of a deleted user to the next one. A deletion or an addition follows the events of the former.
_is_of_earlier_user = (
    exists()
    .where(
        _later.c.user_id == audit_events.c.user_id,
        or_(
            and_(_later.c.action == Event.USER_DELETED, _later.c.id >= audit_events.c.id),
            and_(_later.c.action == Event.USER_ADDED, _later.c.id > audit_events.c.id),
        ),
    )
    .correlate(audit_events)
)


def events_of_user(connection: Connection, user_id: int, limit: int | None) -> list[AuditEvent]:
    """Return the newest events of this user, newest first, also those from before a rename; `None`: all of them.

    If the user was imported, the import is one of them.
    """
    return _newest(connection, limit, _is_of_user(user_id))


def newest_events(
    connection: Connection, limit: int | None, username: str | None, user_id: int | None = None
) -> list[AuditEvent]:
    """Return the newest events, newest first: of all users, or those recorded under this username.

    With a `user_id`, also those of this user under any name, as of the users who were deleted under this username. If
    `limit` is None, return all of them.
    """
    if username is None:
        return _newest(connection, limit)
    folded = casefold_name(username)
    conditions = [audit_events.c.username_folded == folded, _is_of_user_deleted_as(folded)]
    return _newest(connection, limit, or_(*conditions, *([] if user_id is None else [_is_of_user(user_id)])))


def _is_of_user(user_id: int) -> ColumnElement[bool]:
    created_at = select(users.c.created_at).where(users.c.id == user_id).scalar_subquery()
    added_user = and_(audit_events.c.action == Event.USERS_IMPORTED, audit_events.c.at == created_at)
    return or_(and_(audit_events.c.user_id == user_id, ~_is_of_earlier_user), added_user)


def _is_of_user_deleted_as(folded: str) -> ColumnElement[bool]:
    deletion, earlier = audit_events.alias("deletion"), audit_events.alias("earlier")
    # The addition of the deleted user or, if that was an import, the deletion of the former user of the id.
    begin = (
        select(func.max(earlier.c.id))
        .where(
            earlier.c.user_id == deletion.c.user_id,
            earlier.c.id < deletion.c.id,
            earlier.c.action.in_((Event.USER_ADDED, Event.USER_DELETED)),
        )
        .scalar_subquery()
    )
    return exists().where(
        deletion.c.username_folded == folded,
        deletion.c.action == Event.USER_DELETED,
        deletion.c.user_id == audit_events.c.user_id,
        audit_events.c.id.between(func.coalesce(begin, 0), deletion.c.id - 1),
        audit_events.c.action != Event.USER_DELETED,
    )


def _newest(connection: Connection, limit: int | None, *conditions: ColumnElement[bool]) -> list[AuditEvent]:
    columns = [audit_events.c[name] for name in AuditEvent.__dataclass_fields__ if name != "current_username"]
    same_user = and_(users.c.id == audit_events.c.user_id, ~_is_of_earlier_user)
    query = select(*columns, users.c.username.label("current_username")).select_from(
        audit_events.outerjoin(users, same_user)
    )
    newest = query.where(*conditions).order_by(audit_events.c.id.desc()).limit(limit)
    return [AuditEvent(**row) for row in connection.execute(newest).mappings()]
