"""The names of the providers that have opened the newest sessions."""

from sqlalchemy import Engine, select

from database.error_translation import translate_database_errors
from database.tables import sessions

_NEWEST = 1000
"""Only so many sessions are read, so that a start does not scan the table."""


def providers_of_sessions(engine: Engine) -> frozenset[str]:
    """Return the claims `idp` of the newest sessions. Raises DatabaseUnavailable."""
    newest = select(sessions.c.idp).order_by(sessions.c.expires_at.desc()).limit(_NEWEST).subquery()
    with translate_database_errors(), engine.connect() as connection:
        return frozenset(connection.scalars(select(newest.c.idp).distinct()))
