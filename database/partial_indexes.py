"""The tables with their partial indexes, to create and compare the schema.

No query needs them, and SQLAlchemy imports the dialect of each option of an index, so that a service with SQLite would
import the one of PostgreSQL.
"""

from sqlalchemy import Index

from database.tables import disabled, revocations, users
from database.tables import metadata as metadata  # noqa: PLC0414 - a public name of this module

# For lists of disabled users.
Index("ix_latchkey_users_disabled", users.c.username_folded, sqlite_where=disabled, postgresql_where=disabled)

# Most revocations are those of sessions.
_of_a_user = revocations.c.username_folded.is_not(None)
Index(
    "ix_latchkey_revocations_username_folded",
    revocations.c.username_folded,
    sqlite_where=_of_a_user,
    postgresql_where=_of_a_user,
)
