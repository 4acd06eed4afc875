"""Sessions: begun by a login, kept alive by refresh tokens, ended for good."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
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
)
from sqlalchemy import update as update_

from config.text import casefold_name
from database import revocation_table as revocations
from database.error_translation import translate_database_errors
from database.revocation_table import Revocation
from database.tables import revocations as revocations_
from database.tables import sessions

_LOCK = 7243
REVOCATION_RETENTION = timedelta(days=366)
"""How long the end of all that somebody had is kept: code of one's own may make tokens that last that long."""
PURGE_LIMIT = 10  # sessions that are long over, at each login


@dataclass(frozen=True)
class SessionRow:
    """A session as the table has it. Hashes are of the secrets in refresh tokens."""

    id: str
    token_hash: str = field(repr=False)
    """Of the one token that is good now."""
    spent_hash: str | None = field(repr=False)
    """Of the one that was exchanged for it; `None` at first."""
    delivered: bool
    """Whether the answer with the good one has left."""
    client_id: str
    idp: str
    username: str
    username_folded: str
    ends_at: datetime
    """When the session ends, whatever happens."""
    expires_at: datetime
    """When it ends unless it is refreshed."""
    access_until: datetime
    """When its last access token has run out."""


# Built once: building a statement costs more than running it.
_ended_since = exists().where(
    revocations_.c.id > bindparam("last_revocation_id"),
    revocations_.c.issued_before.is_not(None),
    or_(
        revocations_.c.username_folded.is_(None),
        and_(
            revocations_.c.username_folded == bindparam("username_folded"),
            or_(revocations_.c.idp.is_(None), revocations_.c.idp == bindparam("idp")),
        ),
    ),
)
_insert = (
    insert(sessions)
    .from_select(
        sessions.c.keys(),
        select(*(bindparam(column.name, type_=column.type) for column in sessions.c)).where(not_(_ended_since)),
    )
    .returning(sessions.c.id)
)
_over = select(sessions.c.id).where(
    sessions.c.expires_at < bindparam("now"), sessions.c.access_until < bindparam("now")
)
_purge = delete(sessions).where(sessions.c.id.in_(_over.limit(PURGE_LIMIT).with_for_update(skip_locked=True)))
_by_id = select(sessions).where(sessions.c.id == bindparam("session_id"))
_renew = (
    update_(sessions)
    .where(
        sessions.c.id == bindparam("session_id"),
        sessions.c.token_hash == bindparam("seen_hash"),
        or_(sessions.c.token_hash == bindparam("presented_hash"), not_(sessions.c.delivered)),
    )
    .values(
        token_hash=bindparam("next_hash"),
        spent_hash=bindparam("presented_hash"),
        delivered=False,
        expires_at=bindparam("until"),
        access_until=bindparam("access_until_"),
    )
)
_deliver = (
    update_(sessions)
    .where(sessions.c.id == bindparam("session_id"), sessions.c.token_hash == bindparam("next_hash"))
    .values(delivered=True)
)


class SessionTable:
    """The sessions in one database. Thread-safe; every method raises DatabaseUnavailable if it cannot be asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, row: SessionRow, last_revocation_id: int) -> bool:
        """Begin a session, and clear a few away that are long over.

        Says whether it was begun: not if all that the user had was ended after the revocation with id
        `last_revocation_id`, since they may have logged in with what is not good any more.
        """
        with self._begin() as connection:
            _lock(connection, shared=True)
            begun = connection.scalar(_insert, {**vars(row), "last_revocation_id": last_revocation_id}) is not None
            connection.execute(_purge, {"now": datetime.now(UTC)})
        return begun

    def find(self, session_id: str) -> SessionRow | None:
        """Return the session; `None` if it never was, or has ended."""
        with self._begin() as connection:
            row = connection.execute(_by_id, {"session_id": session_id}).one_or_none()
        return SessionRow(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's name for it

    def rotate(
        self, seen: SessionRow, presented_hash: str, next_hash: str, until: datetime, access_until: datetime
    ) -> bool:
        """Make `next_hash` the one that is good, by one statement; says whether nobody was faster.

        It is done if the session is still as it was `seen`, and what was presented is good, or was exchanged
        for one that never left.
        """
        values = {
            "session_id": seen.id,
            "seen_hash": seen.token_hash,
            "presented_hash": presented_hash,
            "next_hash": next_hash,
            "until": until,
            "access_until_": access_until,
        }
        with self._begin() as connection:
            return connection.execute(_renew, values).rowcount == 1

    def mark_delivered(self, session_id: str, token_hash: str) -> None:
        """Note that the answer with this token has left."""
        with self._begin() as connection:
            connection.execute(_deliver, {"session_id": session_id, "next_hash": token_hash})

    def end(self, session_id: str) -> bool:
        """End a session and its access tokens; says whether there was one."""
        with self._begin() as connection:
            return _end(connection, sessions.c.id == session_id) == 1

    def revoke_tokens(self, ended: str, expires_at: datetime) -> None:
        """End the access token of this `jti`, or those of this `sid`; the last of them runs out at `expires_at`."""
        with self._begin() as connection:
            _end(connection, sessions.c.id == ended, {"ended": ended, "expires_at": expires_at})

    def end_user_sessions(self, username: str, idp: str | None = None) -> int:
        """End all that a user of this provider, `None` for any, has; returns how many sessions that were."""
        with self._begin() as connection:
            return end_user_sessions(connection, username, idp)

    def end_all(self) -> int:
        """End every session, and every token until the next full second begins; returns how many sessions."""
        with self._begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL statement_timeout = 0"))  # there may be millions
            _lock(connection)
            ended = connection.execute(delete(sessions)).rowcount
            # Only now: until here sessions were refreshed, and tokens issued.
            revocations.insert_revocations(connection, [_whole(_until_now())])
        return ended

    def revocations_after(self, last: int) -> list[Revocation]:
        """Return the revocations with ids above `last`, in the order in which they became visible."""
        with self._begin() as connection:
            return revocations.revocations_after(connection, last)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), self._engine.begin() as connection:
            yield connection


def end_user_sessions(
    connection: Connection, username: str, idp: str | None, except_session_id: str | None = None
) -> int:
    """Do what `SessionTable.end_user_sessions` does, as the last thing in a transaction, but for one session."""
    _lock(connection)
    of_provider = sessions.c.idp == idp if idp else true()
    of_user = and_(
        sessions.c.username_folded == casefold_name(username), of_provider, sessions.c.id != (except_session_id or "")
    )
    without_session = {"username_folded": casefold_name(username), "idp": idp, **_until_now()}
    return _end(connection, of_user, without_session)


def _lock(connection: Connection, *, shared: bool = False) -> None:
    """Keep the ends of users and the beginnings of sessions, which share it among them, apart.

    Else neither would see the other, and a login that began with the old password would stay. SQLite has one writer
    anyway.
    """
    if connection.dialect.name == "postgresql":
        take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        connection.execute(select(take(_LOCK)))


def _end(connection: Connection, which: ColumnElement[bool], *extra_rows: Mapping[str, object]) -> int:
    ended = connection.execute(delete(sessions).where(which).returning(sessions.c.id, sessions.c.access_until)).all()
    now = datetime.now(UTC)
    of_sessions = [{"ended": row.id, "expires_at": row.access_until} for row in ended if row.access_until > now]
    revocations.insert_revocations(connection, [_whole(row) for row in (*of_sessions, *extra_rows)])
    return len(ended)


def _whole(row: Mapping[str, object]) -> dict[str, object]:
    return {"ended": None, "idp": None, "username_folded": None, "issued_before": None, **row}


def _until_now() -> dict[str, object]:
    """Return what covers all tokens up to now, which tell their time in whole seconds."""
    now = datetime.now(UTC)
    before = now.replace(microsecond=0) + timedelta(seconds=1)
    return {"issued_before": before, "expires_at": now + REVOCATION_RETENTION}
