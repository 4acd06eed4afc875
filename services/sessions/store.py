"""The session store: sessions, service tokens and revocations in the database."""

from dataclasses import dataclass
from datetime import timedelta

from config.service_settings import DatabaseSettings, RevocationSettings, SessionSettings
from database.engine import open_engine
from database.service_token_table import ServiceTokenTable
from database.session_table import SessionTable
from services.sessions.revocations import RevocationList


@dataclass(frozen=True)
class SessionStore:
    """The sessions, service tokens and revocations in the database, and the lifetimes of sessions."""

    table: SessionTable
    service_tokens: ServiceTokenTable
    revocations: RevocationList
    idle_timeout: timedelta
    lifetime: timedelta


def open_session_store(
    database: DatabaseSettings, sessions: SessionSettings, revocations: RevocationSettings
) -> SessionStore:
    """Return the store in the database. Raises ConfigurationError if DATABASE_URL is invalid."""
    engine = open_engine(database)
    table = SessionTable(engine)
    return SessionStore(
        table,
        ServiceTokenTable(engine),
        RevocationList(table.revocations_after, revocations.staleness_seconds),
        idle_timeout=timedelta(minutes=sessions.idle_minutes),
        lifetime=timedelta(minutes=sessions.lifetime_minutes),
    )
