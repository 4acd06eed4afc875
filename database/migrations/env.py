"""Alembic starts here, from `flask db upgrade` with an engine, or from its own command line."""

from alembic import context

from config.settings import Settings
from database.engine import open_engine
from database.tables import metadata

engine = context.config.attributes.get("engine") or open_engine(Settings.of_process().database, may_create=True)

with engine.connect() as connection:
    # SQLite can alter a table only by making it anew.
    # Both kinds of database undo half a migration; Alembic only believes it of the one.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if connection.dialect.name == "postgresql":
            # One at a time, however many replicas start together; and a big table may take its time.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7241)")
            # Whoever waits for a table stops all who come after, and every login with them.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 3000")
        context.run_migrations()
