"""The tables of databases that were created before the prefix: they are renamed by the next upgrade."""

import re

from sqlalchemy import Connection, column, inspect, select, table, text

from database.names import PREFIX, VERSION_TABLE

_REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
_VERSIONS = table("alembic_version", column("version_num"))
_TABLES = ("users", "roles", "user_roles", "sessions", "revocations", "audit_events")  # each after those it refers to
_NAME = re.compile(rf"(?<![A-Za-z])({'|'.join(sorted(_TABLES, key=len, reverse=True))})(?![A-Za-z])")

# For workers of the version before the prefix: they are not ready, because they need a later revision. The migration to
# it would fail, and create no second set of tables.
_UNUSABLE_REVISION = "0006"

_POSTGRESQL_RELATIONS = text(
    """
    SELECT relname FROM pg_class WHERE oid = to_regclass(:table)
      OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass(:table))
      OR relkind = 'S' AND oid IN (SELECT objid FROM pg_depend WHERE refobjid = to_regclass(:table))
    """
)
# The names of primary keys and unique constraints are those of their indexes.
_POSTGRESQL_CONSTRAINTS = text(
    "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(:table) AND contype NOT IN ('p', 'u')"
)
_SQLITE_STATEMENTS = text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")

# The ids of deleted rows must not be reused either.
_CONTINUE_IDS_OF_REVOCATIONS = (
    "DELETE FROM sqlite_sequence WHERE name = 'latchkey_revocations'",
    "INSERT INTO sqlite_sequence SELECT 'latchkey_' || name, seq FROM sqlite_sequence WHERE name = 'revocations'",
)


def former_revision(connection: Connection) -> str | None:
    """Return the schema revision of the tables without the prefix.

    `None` if there are none: `alembic_version` and `users` may also belong to another application.
    """
    inspector = inspect(connection)
    names = inspector.get_table_names()
    if VERSION_TABLE in names or not {"alembic_version", "users", "roles", "user_roles"}.issubset(names):
        return None
    columns = {one["name"] for one in inspector.get_columns("users")}
    revision: str | None = connection.scalar(select(_VERSIONS.c.version_num))
    return revision if revision in _REVISIONS and columns >= {"username_folded", "email_folded"} else None


def rename_former_tables(connection: Connection) -> None:
    """Give the tables of `former_revision`, their indexes and their constraints the names with the prefix."""
    existing = inspect(connection).get_table_names()
    tables = [name for name in _TABLES if name in existing]
    rename = _rename_on_sqlite if connection.dialect.name == "sqlite" else _rename_on_postgresql
    rename(connection, tables)
    connection.execute(_VERSIONS.update().values(version_num=_UNUSABLE_REVISION))


def _rename_on_postgresql(connection: Connection, tables: list[str]) -> None:
    # In one statement, so that two transactions cannot wait for each other.
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
    for name in tables:
        for constraint in connection.scalars(_POSTGRESQL_CONSTRAINTS, {"table": name}).all():
            connection.exec_driver_sql(f"ALTER TABLE {name} RENAME CONSTRAINT {constraint} TO {_prefixed(constraint)}")
        for relation in connection.scalars(_POSTGRESQL_RELATIONS, {"table": name}).all():
            connection.exec_driver_sql(f"ALTER TABLE {relation} RENAME TO {_prefixed(relation)}")


def _rename_on_sqlite(connection: Connection, tables: list[str]) -> None:
    # SQLite cannot rename constraints, so the rows move to new tables.
    statements = {name: connection.execute(_SQLITE_STATEMENTS, {"table": name}).all() for name in tables}
    for name in tables:
        connection.exec_driver_sql(next(_prefixed(sql) for kind, sql in statements[name] if kind == "table"))
        connection.exec_driver_sql(f"INSERT INTO {PREFIX}{name} SELECT * FROM {name}")  # noqa: S608 - a constant name
    if "revocations" in tables:
        for statement in _CONTINUE_IDS_OF_REVOCATIONS:
            connection.exec_driver_sql(statement)
    for name in reversed(tables):
        connection.exec_driver_sql(f"DROP TABLE {name}")
        for kind, sql in statements[name]:
            if kind == "index":
                connection.exec_driver_sql(_prefixed(sql))


def _prefixed(names: str) -> str:
    return _NAME.sub(rf"{PREFIX}\1", names)
