"""Alembic starts here, from `flask db upgrade` with an engine, or from its own command line."""

from alembic import context

from config.environment import read_environment
from database.engine import open_engine
from database.tables import metadata

engine = context.config.attributes.get("engine") or open_engine(read_environment())

with engine.connect() as connection:
    # SQLite can alter a table only by making it anew.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
