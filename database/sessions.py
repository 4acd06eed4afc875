"""Sessions: begun by a login, kept alive by refresh tokens, ended for good."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, delete, insert, not_, or_, select, text, true
from sqlalchemy import update as update_

from config.names import fold
from config.settings import LONGEST_LIFETIME
from database import revocations
from database.outages import raising_database_unavailable
from database.revocations import Revocation
from database.tables import sessions

PURGED = 10  # sessions that are long over, at each login


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
_insert = insert(sessions)
_over = select(sessions.c.id).where(
    sessions.c.expires_at < bindparam("now"), sessions.c.access_until < bindparam("now")
)
_purge = delete(sessions).where(sessions.c.id.in_(_over.limit(PURGED).with_for_update(skip_locked=True)))
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

    def open(self, row: SessionRow) -> None:
        """Begin a session, and clear a few away that are long over."""
        with self._begin() as connection:
            connection.execute(_insert, vars(row))
            connection.execute(_purge, {"now": datetime.now(UTC)})

    def find(self, session_id: str) -> SessionRow | None:
        """Return the session; `None` if it never was, or has ended."""
        with self._begin() as connection:
            row = connection.execute(_by_id, {"session_id": session_id}).one_or_none()
        return SessionRow(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's name for it

    def renew(
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

    def deliver(self, session_id: str, token_hash: str) -> None:
        """Note that the answer with this token has left."""
        with self._begin() as connection:
            connection.execute(_deliver, {"session_id": session_id, "next_hash": token_hash})

    def end(self, session_id: str) -> bool:
        """End a session and its access tokens; says whether there was one."""
        with self._begin() as connection:
            return _end(connection, sessions.c.id == session_id) == 1

    def end_token(self, token_id: str, expires_at: datetime) -> None:
        """End one access token that belongs to no session."""
        with self._begin() as connection:
            revocations.record(connection, [{"ended": token_id, "expires_at": expires_at}])

    def end_of_user(self, username: str, idp: str | None = None) -> int:
        """End all that a user of this provider, `None` for any, has; returns how many sessions that were."""
        with self._begin() as connection:
            return end_of_user(connection, username, idp)

    def end_all(self, issued_before: datetime) -> int:
        """End every session, and every token that was issued before this whole second; returns how many sessions."""
        with self._begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL statement_timeout = 0"))  # there may be millions
            ended = connection.execute(delete(sessions)).rowcount
            row = {"issued_before": issued_before, "expires_at": _longest()}
            revocations.record(connection, [row])
        return ended

    def revocations_after(self, last: int) -> list[Revocation]:
        """Return the revocations with ids above `last`, in the order in which they became visible."""
        with self._begin() as connection:
            return revocations.after(connection, last)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with raising_database_unavailable(), self._engine.begin() as connection:
            yield connection


def end_of_user(connection: Connection, username: str, idp: str | None) -> int:
    """Do what `SessionTable.end_of_user` does, as the last thing in a transaction."""
    of_provider = sessions.c.idp == idp if idp else true()
    of_user = {"username_folded": fold(username), "idp": idp}
    now = datetime.now(UTC)
    # Tokens that belong to no session have only their time to go by, in whole seconds.
    before = now.replace(microsecond=0) + timedelta(seconds=1)
    without_session = {**of_user, "issued_before": before, "expires_at": _longest()}
    return _end(connection, and_(sessions.c.username_folded == fold(username), of_provider), without_session)


def _end(connection: Connection, which: ColumnElement[bool], *also: Mapping[str, object]) -> int:
    ended = connection.execute(delete(sessions).where(which).returning(sessions.c.id, sessions.c.access_until)).all()
    now = datetime.now(UTC)
    of_sessions = [{"ended": row.id, "expires_at": row.access_until} for row in ended if row.access_until > now]
    revocations.record(connection, [_whole(row) for row in (*of_sessions, *also)])
    return len(ended)


def _whole(row: Mapping[str, object]) -> dict[str, object]:
    return {"ended": None, "idp": None, "username_folded": None, "issued_before": None, **row}


def _longest() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=LONGEST_LIFETIME)
