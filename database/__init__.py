"""SQL: the engine, the tables, the queries, and the migrations."""

import logging

# Alembic logs each of its plugins when it is imported, so the level must be set before.
logging.getLogger("alembic").setLevel(logging.WARNING)
