"""The end of sessions within a transaction: their rows are deleted, and their access tokens are revoked."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, true

from config.subjects import SERVICE_PREFIX
from config.text import casefold_name
from database.advisory_locks import SESSION_LOCK
from database.batches import batches
from database.clock import earliest_time
from database.engine import limit_statements
from database.revocation_table import insert_revocations, insert_revocations_of
from database.tables import service_tokens, sessions

REVOCATION_RETENTION = timedelta(days=366)
"""How long a revocation of all tokens of a user is kept. It is longer than any token that it revokes is valid."""


def end_user_sessions(connection: Connection, username: str, idp: str | None) -> int:
    """End all sessions of a user, see `SessionTable.end_user_sessions`.

    This must be the last write of the transaction.
    """
    limit_statements(connection, None)  # a user must not be able to prevent the end by opening millions of sessions
    lock_sessions(connection)
    name = casefold_name(username)
    of_provider = sessions.c.idp == idp if idp else true()
    of_user = and_(sessions.c.username_folded == name, of_provider)
    # Most sessions have no valid access token, and need no revocation.
    without_tokens = and_(of_user, sessions.c.access_until <= earliest_time())
    ended = connection.execute(delete(sessions).where(without_tokens)).rowcount
    of_service: list[dict[str, object]] = []
    if idp is None and name.startswith(SERVICE_PREFIX):
        named = func.lower(service_tokens.c.name) == name.removeprefix(SERVICE_PREFIX)
        of_service = _delete_service_tokens(connection, named)
    issued = {"username_folded": name, "idp": idp, **_issued_until_now()}
    return ended + len(of_service) + end_sessions(connection, of_user, *of_service, issued)


def end_all_sessions(connection: Connection) -> int:
    """End all sessions, and revoke all tokens that were issued until now. Return the number of sessions.

    This must be the last write of the transaction.
    """
    limit_statements(connection, None)
    lock_sessions(connection)
    _lock_rows(connection, true())
    of_service = _delete_service_tokens(connection, true())
    with_tokens = sessions.c.access_until > datetime.now(UTC)
    insert_revocations_of(connection, select(sessions.c.id, sessions.c.access_until).where(with_tokens))
    ended = connection.execute(delete(sessions)).rowcount
    insert_revocations(connection, map(_complete_row, (*of_service, _issued_until_now())))
    return ended


def end_sessions_of_users(connection: Connection, usernames: Iterable[str], idp: str) -> int:
    """End all sessions of many users of a provider. This must be the last write of the transaction."""
    limit_statements(connection, None)
    lock_sessions(connection)
    _lock_rows(connection, sessions.c.idp == idp)
    ended = 0
    for some in batches(sorted(map(casefold_name, usernames))):
        rows = [{"username_folded": name, "idp": idp, **_issued_until_now()} for name in some]
        ended += end_sessions(connection, and_(sessions.c.username_folded.in_(some), sessions.c.idp == idp), *rows)
    return ended


def lock_sessions(connection: Connection) -> None:
    """Exclude other transactions that end the sessions of users, and those that open a session.

    Two such transactions would not see each other's rows, and a session of a login with the old password would
    remain. SQLite has one writer at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(SESSION_LOCK)))


def _lock_rows(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Lock sessions that several statements end, before the first of them writes revocations.

    A logout locks its session, and then the revocations. Otherwise, it and this transaction could wait for each other.
    """
    locked = select(sessions.c.id).where(condition).with_for_update().subquery()
    connection.execute(select(func.count()).select_from(locked))


def end_sessions(connection: Connection, condition: ColumnElement[bool], *extra_rows: Mapping[str, object]) -> int:
    """Delete the sessions that match, revoke their access tokens, and write `extra_rows` of revocations.

    Return the number of sessions. This must be the last write of the transaction.
    """
    deleted = delete(sessions).where(condition).returning(sessions.c.id, sessions.c.access_until)
    ended, now = connection.execute(deleted).all(), earliest_time()
    of_sessions = [{"ended": row.id, "expires_at": row.access_until} for row in ended if row.access_until > now]
    rows = sorted(map(_complete_row, (*of_sessions, *extra_rows)), key=itemgetter("expires_at"))
    # A logout names its session, too: of two rows, the one that expires later is sufficient.
    insert_revocations(connection, {row["ended"]: row for row in rows}.values())
    return len(ended)


def revoke_token(connection: Connection, token_or_session_id: str, expires_at: datetime) -> None:
    """Revoke the access token with this `jti`, or end the session with this `sid`.

    `expires_at` is when the last of the tokens expires. This must be the last write of the transaction.
    """
    connection.execute(delete(service_tokens).where(service_tokens.c.jti == token_or_session_id))
    revocation = {"ended": token_or_session_id, "expires_at": expires_at}
    end_sessions(connection, sessions.c.id == token_or_session_id, revocation)


def _delete_service_tokens(connection: Connection, condition: ColumnElement[bool]) -> list[dict[str, object]]:
    """Delete the service tokens that match, and return the revocations of these tokens."""
    deleted = delete(service_tokens).where(condition).returning(service_tokens.c.jti, service_tokens.c.expires_at)
    return [{"ended": row.jti, "expires_at": row.expires_at} for row in connection.execute(deleted)]


def _complete_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"ended": None, "idp": None, "username_folded": None, "issued_before": None, **row}


def _issued_until_now() -> dict[str, object]:
    """Return the columns that revoke all tokens issued until now. Tokens store whole seconds.

    A host whose clock is ahead gives its tokens a later time. So those whose ids are known are also revoked by them.
    """
    now = datetime.now(UTC)
    next_second = now.replace(microsecond=0) + timedelta(seconds=1)
    return {"issued_before": next_second, "expires_at": now + REVOCATION_RETENTION}
