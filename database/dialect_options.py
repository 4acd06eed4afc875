"""The tables with the options of each dialect, to create and compare the schema.

No query needs them, and SQLAlchemy imports the dialect of every option: a service with one database would import
the dialect of the other one.
"""

from sqlalchemy import Index

from database.tables import disabled, revocations, service_tokens, users
from database.tables import metadata as metadata  # noqa: PLC0414 - a public name of this module

# The ids of these tables are never reused.
for _table in (revocations, service_tokens):
    _table.dialect_kwargs["sqlite_autoincrement"] = True

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
