"""Rows of the session table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, select, text, update

from config.text import casefold_name
from database.session_row import SessionRow
from database.session_table import SessionTable
from database.tables import revocations, sessions
from services.sessions.refresh_tokens import RefreshToken
from tests.servers.process import wait_until

MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC)
LATER = NOW + 600 * MINUTE
SESSION = SessionRow(
    id="a session",
    token_hash="good",
    spent_hash=None,
    delivered=True,
    client_id="latchkey",
    idp="static",
    username="Zoé",
    username_folded="zoé",
    ends_at=LATER,
    expires_at=NOW + 300 * MINUTE,
    access_until=NOW + 150 * MINUTE,
)


def session_of(username: str, idp: str) -> SessionRow:
    """Return a session of this user, whose id is made of both."""
    return replace(SESSION, id=f"{idp}:{username}", idp=idp, username=username, username_folded=casefold_name(username))


def session_ids(engine: Engine) -> list[str]:
    """Return the ids of all sessions."""
    with engine.connect() as connection:
        return sorted(connection.scalars(select(sessions.c.id)))


def age_rotations(engine: Engine, span: timedelta) -> None:
    """Make every session look as if its refresh token had been exchanged earlier by this span."""
    rotated = sessions.c.rotated_at.is_not(None)
    with engine.begin() as connection:
        for row in connection.execute(select(sessions.c.id, sessions.c.rotated_at).where(rotated)).all():
            change = update(sessions).where(sessions.c.id == row.id).values(rotated_at=row.rotated_at - span)
            connection.execute(change)


def wait_for_delivery(engine: Engine, refresh_token: str) -> None:
    """Wait until the newest token of the session of this token counts as delivered."""
    token = RefreshToken.parse(refresh_token)
    assert token is not None

    def is_delivered() -> bool:
        row = SessionTable(engine).find(token.session_id)
        return row is not None and row.delivered

    wait_until(is_delivered)


def drop_table(engine: Engine, name: str) -> None:
    """Drop a table."""
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {name}"))


def is_lock_awaited(engine: Engine) -> bool:
    """Return whether a transaction on this PostgreSQL server waits for a lock."""
    with engine.connect() as connection:
        awaited = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(connection.scalar(awaited))


def revocation_ends(engine: Engine) -> list[tuple[str, datetime]]:
    """Return the id and the time of expiry of each revocation of a token or a session."""
    with engine.connect() as connection:
        columns = (revocations.c.ended, revocations.c.expires_at)
        return [tuple(row) for row in connection.execute(select(*columns).order_by(revocations.c.id))]
