"""The session store: sessions and revocations in the database."""

from dataclasses import dataclass
from datetime import timedelta

from config.service_settings import DatabaseSettings, RevocationSettings, SessionSettings
from database.engine import open_engine
from database.session_table import SessionTable
from services.sessions.revocations import RevocationList


@dataclass(frozen=True)
class SessionStore:
    """The sessions and revocations in the database, and the lifetimes of sessions."""

    table: SessionTable
    revocations: RevocationList
    idle_timeout: timedelta
    lifetime: timedelta


def open_session_store(
    database: DatabaseSettings, sessions: SessionSettings, revocations: RevocationSettings
) -> SessionStore:
    """Return the store in the database. Raises ConfigurationError if DATABASE_URL is invalid."""
    table = SessionTable(open_engine(database))
    return SessionStore(
        table,
        RevocationList(table.revocations_after, revocations.staleness_seconds),
        idle_timeout=timedelta(minutes=sessions.idle_minutes),
        lifetime=timedelta(minutes=sessions.lifetime_minutes),
    )
