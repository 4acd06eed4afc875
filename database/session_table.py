"""The sessions: each has a row until it ends. Ending a session revokes its access tokens."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    true,
    update,
)

from audit.events import Event
from config.service_settings import USER_TABLE_PROVIDER
from config.text import casefold_name
from database.advisory_locks import SESSION_LOCK
from database.audit import logged_after_commit, record_event
from database.clock import DatabaseTime, earliest_time
from database.error_translation import translate_database_errors
from database.revocation_table import Revocation, insert_revocations, revocations_after
from database.tables import revocations, sessions, users

REVOCATION_RETENTION = timedelta(days=366)
"""How long a revocation of all tokens of a user is kept. It is longer than any token that it revokes is valid."""
PURGE_LIMIT = 10
"""How many expired sessions each login deletes at most."""


@dataclass(frozen=True)
class SessionRow:
    """A session. The hashes are hashes of the secrets in its refresh tokens."""

    id: str
    token_hash: str = field(repr=False)
    """The hash of the valid token."""
    spent_hash: str | None = field(repr=False)
    """The hash of the token that was exchanged for the valid one; None for a new session."""
    delivered: bool
    """Whether the response with the valid token was sent."""
    client_id: str
    idp: str
    username: str
    username_folded: str
    ends_at: datetime
    """When the session ends, even if it is refreshed."""
    expires_at: datetime
    """When the session ends unless it is refreshed."""
    access_until: datetime
    """When the last access token of the session expires."""
    record_id: str | None = None
    """The record id of the user, as providers return it; None if it is not known."""
    credential_stamp: str | None = field(default=None, repr=False)
    """The credential stamp of the user, as providers return it; None if it is not known."""
    rotated_at: datetime | None = None
    """When the valid token replaced another, by the clock of the database.

    None for a new session, and for one that was refreshed only by a version before schema revision 0006.
    """
    read_at: datetime | None = field(default=None, compare=False)
    """When this row was read, by the clock of the database; None if it was not read."""

    def was_rotated_within(self, limit: timedelta) -> bool:
        """Return whether the valid token had been issued less than `limit` before the row was read."""
        if self.rotated_at is None or self.read_at is None:
            return False
        return abs(self.read_at - self.rotated_at) < limit  # negative after a step of the clock


# Built once: building a statement costs more than executing it.
_user_revoked_since = exists().where(
    revocations.c.id > bindparam("last_revocation_id"),
    revocations.c.issued_before.is_not(None),
    or_(
        revocations.c.username_folded.is_(None),
        and_(
            revocations.c.username_folded == bindparam("username_folded"),
            or_(revocations.c.idp.is_(None), revocations.c.idp == bindparam("idp")),
        ),
    ),
)
_insert = (
    insert(sessions)
    .from_select(
        sessions.c.keys(),
        select(*(bindparam(column.name, type_=column.type) for column in sessions.c)).where(not_(_user_revoked_since)),
    )
    .returning(sessions.c.id)
)
_expired = select(sessions.c.id).where(
    sessions.c.expires_at < bindparam("now"), sessions.c.access_until < bindparam("now")
)
_purge = delete(sessions).where(sessions.c.id.in_(_expired.limit(PURGE_LIMIT).with_for_update(skip_locked=True)))
_by_id = select(sessions, DatabaseTime().label("read_at")).where(sessions.c.id == bindparam("session_id"))
_rotate = (
    update(sessions)
    .where(
        sessions.c.id == bindparam("session_id"),
        sessions.c.token_hash == bindparam("seen_hash"),
        or_(sessions.c.token_hash == bindparam("presented_hash"), not_(sessions.c.delivered)),
    )
    .values(
        token_hash=bindparam("next_hash"),
        spent_hash=bindparam("presented_hash"),
        rotated_at=DatabaseTime(),
        delivered=False,
        expires_at=bindparam("until"),
        access_until=bindparam("access_until_"),
        # A login that upgrades the user's hash may have replaced the stamp since it was read.
        record_id=func.coalesce(sessions.c.record_id, bindparam("found_record_id", type_=Text)),
        credential_stamp=func.coalesce(sessions.c.credential_stamp, bindparam("found_stamp", type_=Text)),
    )
)
_mark_delivered = (
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"), sessions.c.token_hash == bindparam("next_hash"))
    .values(delivered=True)
)
_replace_stamp = (
    update(sessions)
    .where(
        sessions.c.username_folded == bindparam("name"),
        sessions.c.idp == bindparam("idp_"),
        sessions.c.credential_stamp == bindparam("old"),
    )
    .values(credential_stamp=bindparam("new"))
)


class SessionTable:
    """The sessions in one database. Thread-safe. Every method can raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, row: SessionRow, last_revocation_id: int) -> bool:
        """Insert a session, and delete a few expired ones.

        Return False, and insert nothing, if all tokens of the user were revoked after the revocation
        `last_revocation_id`: the user may have logged in with a password that is no longer valid.
        """
        with self._begin() as connection:
            _lock(connection, shared=True)
            inserted = connection.scalar(_insert, {**vars(row), "last_revocation_id": last_revocation_id}) is not None
            connection.execute(_purge, {"now": earliest_time()})
        return inserted

    def find(self, session_id: str) -> SessionRow | None:
        """Return the session with this id, None if it has ended or never existed."""
        with self._begin() as connection:
            row = connection.execute(_by_id, {"session_id": session_id}).one_or_none()
        return SessionRow(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name

    def rotate(
        self, seen: SessionRow, presented_hash: str, next_hash: str, until: datetime, access_until: datetime
    ) -> bool:
        """Make `next_hash` the hash of the valid refresh token, in one statement.

        The record id and the credential stamp of `seen` are stored if the session has none.
        Return False, and change nothing, if the session has changed since `seen` was read, or if the presented token
        is not the valid one. Until the response with the valid token is sent, the one before it is accepted too.
        """
        values = {
            "session_id": seen.id,
            "seen_hash": seen.token_hash,
            "presented_hash": presented_hash,
            "next_hash": next_hash,
            "until": until,
            "access_until_": access_until,
            "found_record_id": seen.record_id,
            "found_stamp": seen.credential_stamp,
        }
        with self._begin() as connection:
            return connection.execute(_rotate, values).rowcount == 1

    def mark_delivered(self, session_id: str, token_hash: str) -> None:
        """Record that the response with this token was sent."""
        with self._begin() as connection:
            connection.execute(_mark_delivered, {"session_id": session_id, "next_hash": token_hash})

    def end(self, session_id: str) -> bool:
        """Delete a session, and revoke its access tokens. Return whether it existed."""
        with self._begin() as connection:
            return _end(connection, sessions.c.id == session_id) == 1

    def end_unless_changed(self, seen: SessionRow) -> bool:
        """End a session unless its record id or credential stamp has changed since `seen` was read.

        Return whether it was ended.
        """
        same_user = and_(
            sessions.c.id == seen.id,
            sessions.c.record_id.is_not_distinct_from(seen.record_id),
            sessions.c.credential_stamp.is_not_distinct_from(seen.credential_stamp),
        )
        with self._begin() as connection:
            return _end(connection, same_user) == 1

    def revoke_tokens(self, token_or_session_id: str, expires_at: datetime) -> None:
        """Revoke the access token with this `jti`, or end the session with this `sid`.

        `expires_at` is when the last of the tokens expires.
        """
        with self._begin() as connection:
            revocation = {"ended": token_or_session_id, "expires_at": expires_at}
            _end(connection, sessions.c.id == token_or_session_id, revocation)

    def end_user_sessions(self, username: str, idp: str | None = None, operator: str | None = None) -> int:
        """End all sessions of a user, and revoke all the user's tokens. Return the number of sessions.

        If `idp` is None, this applies to the users with this username in all providers. With the name of an operator,
        an audit event is written.
        """
        with self._begin() as connection:
            if operator:
                details = f"provider: {idp or 'all'}"
                user_id = _id_in_user_table(connection, username) if idp in {None, USER_TABLE_PROVIDER} else None
                record_event(
                    connection, operator, Event.SESSIONS_REVOKED, username, details, user_id=user_id, provider=idp
                )
            return end_user_sessions(connection, username, idp)

    def end_all(self, operator: str | None = None) -> int:
        """End all sessions, and revoke all tokens issued in or before this second. Return the number of sessions.

        With the name of an operator, an audit event is written.
        """
        with self._begin() as connection:
            _allow_long_statements(connection)
            _lock(connection)
            ended = connection.execute(delete(sessions)).rowcount
            if operator:
                record_event(connection, operator, Event.SESSIONS_REVOKED, None, "all users")
            # Last, because other workers can issue tokens until the sessions are deleted.
            insert_revocations(connection, [_complete_row(_issued_until_now())])
        return ended

    def revocations_after(self, last: int) -> list[Revocation]:
        """Return the revocations whose id is greater than `last`, in the order in which they became visible."""
        with self._begin() as connection:
            return revocations_after(connection, last)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), logged_after_commit(self._engine.begin()) as connection:
            yield connection


def _id_in_user_table(connection: Connection, username: str) -> int | None:
    found = select(users.c.id).where(users.c.username_folded == casefold_name(username))
    return connection.execute(found).scalar_one_or_none()


def end_user_sessions(connection: Connection, username: str, idp: str | None) -> int:
    """End all sessions of a user, see `SessionTable.end_user_sessions`.

    This must be the last write of the transaction.
    """
    _allow_long_statements(connection)  # a user must not be able to prevent the end by opening millions of sessions
    _lock(connection)
    name = casefold_name(username)
    of_provider = sessions.c.idp == idp if idp else true()
    of_user = and_(sessions.c.username_folded == name, of_provider)
    # Most sessions have no valid access token, and need no revocation.
    without_tokens = and_(of_user, sessions.c.access_until <= earliest_time())
    ended = connection.execute(delete(sessions).where(without_tokens)).rowcount
    return ended + _end(connection, of_user, {"username_folded": name, "idp": idp, **_issued_until_now()})


def replace_stamp(connection: Connection, username: str, idp: str, old: str, new: str) -> None:
    """Replace a credential stamp in all sessions of a user that have it."""
    values = {"name": casefold_name(username), "idp_": idp, "old": old, "new": new}
    connection.execute(_replace_stamp, values)


def _allow_long_statements(connection: Connection) -> None:
    """Let the statements of this transaction take longer than the timeout of the engine."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))


def _lock(connection: Connection, *, shared: bool = False) -> None:
    """Exclude transactions that end the sessions of users and, unless `shared`, those that open a session.

    Two such transactions would not see each other's rows, and a session of a login with the old password would
    remain. SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        connection.execute(select(take(SESSION_LOCK)))


def _end(connection: Connection, condition: ColumnElement[bool], *extra_rows: Mapping[str, object]) -> int:
    deleted = delete(sessions).where(condition).returning(sessions.c.id, sessions.c.access_until)
    ended, now = connection.execute(deleted).all(), earliest_time()
    of_sessions = [{"ended": row.id, "expires_at": row.access_until} for row in ended if row.access_until > now]
    rows = sorted(map(_complete_row, (*of_sessions, *extra_rows)), key=itemgetter("expires_at"))
    # A logout names its session, too: of two rows, the one that expires later is sufficient.
    insert_revocations(connection, {row["ended"]: row for row in rows}.values())
    return len(ended)


def _complete_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"ended": None, "idp": None, "username_folded": None, "issued_before": None, **row}


def _issued_until_now() -> dict[str, object]:
    """Return the columns that revoke all tokens issued until now. Tokens store whole seconds."""
    now = datetime.now(UTC)
    next_second = now.replace(microsecond=0) + timedelta(seconds=1)
    return {"issued_before": next_second, "expires_at": now + REVOCATION_RETENTION}
