"""Keys of the advisory locks of PostgreSQL. SQLite needs none of them, because it has one writer at a time."""

MIGRATION_LOCK = 7241
"""Replicas that start together run the migrations one after another."""

REVOCATION_LOCK = 7242
"""Revocations are committed in the order of their ids."""

SESSION_LOCK = 7243
"""Shared while a session is opened; exclusive while the sessions of a user are ended."""

NAME_LOCK = 7244
"""The first of two keys, the second is a hash of the name: only one transaction at a time can take a name."""

IMPORT_LOCK = 7245
"""Shared while an edit takes a name; exclusive while an import checks that its names are still free."""
