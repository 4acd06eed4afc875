"""Keys of the advisory locks of PostgreSQL. SQLite needs none of them, because it has one writer at a time."""

MIGRATION_LOCK = 7241
"""Replicas that start together run the migrations one after another."""

REVOCATION_LOCK = 7242
"""Revocations are committed in the order of their ids."""

SESSION_LOCK = 7243
"""Opening a session shares it; revoking the sessions of a user takes it alone."""

NAME_LOCK = 7244
"""With a hash of the name as its second key: two users cannot take the same name concurrently."""

IMPORT_LOCK = 7245
"""Taking a name shares it; an import that checks whether its names are still free takes it alone."""
