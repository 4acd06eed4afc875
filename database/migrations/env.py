"""The entry point of Alembic: from `flask database upgrade`, with an engine, or from Alembic's own command line."""

from alembic import context

from config.settings import Settings
from database.advisory_locks import MIGRATION_LOCK
from database.dialect_options import metadata
from database.engine import limit_statements, open_engine
from database.foreign_tables import require_no_unknown_tables
from database.former_names import former_revision, rename_former_tables
from database.names import VERSION_TABLE

engine = context.config.attributes.get("engine") or open_engine(Settings.of_process().database, may_create=True)

with engine.connect() as connection:
    # Batch mode: SQLite can alter most properties of a table only by creating it again.
    # Transactional DDL: SQLite rolls back an incomplete migration too, but Alembic assumes that it does not.
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        include_name=lambda name, kind, _parents: kind != "table" or name in metadata.tables,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if connection.dialect.name == "postgresql":
            # Replicas that start together migrate one after another, and migrating a large table takes long.
            limit_statements(connection, None)
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            # A migration that waits for a table blocks all later queries of it, and so every login.
            connection.exec_driver_sql("SET LOCAL lock_timeout = 3000")
        try:
            context.get_revision_argument()
        except KeyError:
            pass  # other commands than upgrades and downgrades have none, and change nothing
        else:
            if context.get_context().get_current_revision() is None:
                require_no_unknown_tables(connection)
            if revision := former_revision(connection):
                rename_former_tables(connection)
                context.get_context().stamp(context.script, revision)
        context.run_migrations()
