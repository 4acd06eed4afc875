"""The sessions: each has a row until it ends. Ending a session revokes its access tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count

from sqlalchemy import (
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
    update,
)

from audit.events import Event
from config.service_settings import USER_TABLE_PROVIDER
from config.text import casefold_name
from database.advisory_locks import SESSION_LOCK
from database.audit import logged_after_commit, record_event
from database.clock import DatabaseTime, earliest_time
from database.error_translation import translate_database_errors
from database.expiry import expired
from database.prepared_statement import PreparedStatement, Source
from database.revocation_table import Revocation, revocations_after
from database.session_ends import (
    end_all_sessions,
    end_sessions,
    end_user_sessions,
    revoke_token,
)
from database.session_row import SessionRow
from database.tables import revocations, sessions, users

MAX_LISTED_SESSIONS = 200
"""A user can open any number of sessions."""
LOGINS_PER_PURGE = 5
"""Of so many logins of a process, one deletes expired sessions. The statement takes 5 % of a login."""
PURGE_LIMIT = 20
"""How many expired sessions such a login deletes at most."""


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
_insert = PreparedStatement(
    insert(sessions)
    .from_select(
        sessions.c.keys(),
        select(*(bindparam(column.name, type_=column.type) for column in sessions.c)).where(not_(_user_revoked_since)),
    )
    .returning(sessions.c.id)
)
_expired = select(sessions.c.id).where(expired(sessions, bindparam("now")))
_purge = delete(sessions).where(sessions.c.id.in_(_expired.limit(PURGE_LIMIT).with_for_update(skip_locked=True)))
_columns = (
    DatabaseTime().label(name) if name == "read_at" else sessions.c[name] for name in SessionRow.__dataclass_fields__
)
_by_id = PreparedStatement(select(*_columns).where(sessions.c.id == bindparam("session_id")))
_rotate = PreparedStatement(
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
_mark_delivered = PreparedStatement(
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
        self._logins = count()

    def open(self, row: SessionRow, last_revocation_id: int) -> bool:
        """Insert a session, and sometimes delete a few expired ones.

        Return False, and insert nothing, if all tokens of the user were revoked after the revocation
        `last_revocation_id`: the user may have logged in with a password that is no longer valid.
        """
        if next(self._logins) % LOGINS_PER_PURGE == 0:
            with self._begin() as connection:
                connection.execute(_purge, {"now": earliest_time()})
        values = {**vars(row), "last_revocation_id": last_revocation_id}
        # The lock excludes transactions that end the sessions of users, see `lock_sessions`.
        return bool(_insert.rows(self._engine, values, shared_lock=SESSION_LOCK))

    def find(self, session_id: str) -> SessionRow | None:
        """Return the session with this id, None if it has ended or never existed."""
        return _find(self._engine, session_id)

    def of_user(self, username: str, idp: str | None = None) -> list[SessionRow]:
        """Return the sessions of a user that have a valid token, newest first; of all providers if `idp` is None.

        At most MAX_LISTED_SESSIONS are returned.
        """
        now = datetime.now(UTC)
        conditions = [
            sessions.c.username_folded == casefold_name(username),
            or_(sessions.c.expires_at > now, sessions.c.access_until > now),
            *([sessions.c.idp == idp] if idp else []),
        ]
        newest = select(sessions).where(*conditions).order_by(sessions.c.ends_at.desc(), sessions.c.id)
        with self._begin() as connection:
            rows = connection.execute(newest.limit(MAX_LISTED_SESSIONS)).mappings()
            return [SessionRow(**row) for row in rows]

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
        return _rotate.execute(self._engine, values) == 1

    def mark_delivered(self, session_id: str, token_hash: str) -> None:
        """Record that the response with this token was sent."""
        _mark_delivered.execute(self._engine, {"session_id": session_id, "next_hash": token_hash})

    def end(self, session_id: str) -> bool:
        """Delete a session, and revoke its access tokens. Return whether it existed."""
        with self._begin() as connection:
            return end_sessions(connection, sessions.c.id == session_id) == 1

    def end_in_name_of(self, operator: str, session_id: str) -> SessionRow | None:
        """End a session, and write an audit event. Return the session; None if it does not exist."""
        with self._begin() as connection:
            session = _find(connection, session_id)
            if session is None:
                return None
            user_id = _id_in_user_table(connection, session.username) if session.idp == USER_TABLE_PROVIDER else None
            name, details = session.username, f"session {session_id}"
            record_event(
                connection, operator, Event.SESSIONS_REVOKED, name, details, user_id=user_id, provider=session.idp
            )
            end_sessions(connection, sessions.c.id == session_id)
        return session

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
            return end_sessions(connection, same_user) == 1

    def revoke_tokens(self, token_or_session_id: str, expires_at: datetime) -> None:
        """Revoke the access token with this `jti`, or end the session with this `sid`.

        `expires_at` is when the last of the tokens expires.
        """
        with self._begin() as connection:
            revoke_token(connection, token_or_session_id, expires_at)

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
            if operator:
                record_event(connection, operator, Event.SESSIONS_REVOKED, None, "all users")
            return end_all_sessions(connection)

    def revocations_after(self, last: int) -> list[Revocation]:
        """Return the first revocations whose id is greater than `last`, in the order in which they became visible.

        At most `READ_BATCH` are returned.
        """
        return revocations_after(self._engine, last)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), logged_after_commit(self._engine.begin()) as connection:
            yield connection


def _find(source: Source, session_id: str) -> SessionRow | None:
    rows = _by_id.rows(source, {"session_id": session_id})
    return SessionRow(*rows[0]) if rows else None


def _id_in_user_table(connection: Connection, username: str) -> int | None:
    found = select(users.c.id).where(users.c.username_folded == casefold_name(username))
    return connection.execute(found).scalar_one_or_none()


def replace_stamp(connection: Connection, username: str, idp: str, old: str, new: str) -> None:
    """Replace a credential stamp in all sessions of a user that have it."""
    values = {"name": casefold_name(username), "idp_": idp, "old": old, "new": new}
    connection.execute(_replace_stamp, values)
