"""The schema of the database: its revision, how it differs from this version's, and migrations."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select

from config.errors import Problem
from database.engine import begin_snapshot
from database.error_translation import MIGRATE, translate_database_errors
from database.errors import DatabaseUnavailable
from database.foreign_tables import missing_tables
from database.names import VERSION_TABLE
from database.tables import metadata

if TYPE_CHECKING:  # a service only reads the revision, and Alembic takes as long to import as SQLAlchemy
    from alembic.config import Config

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"

REVISIONS = sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
"""All schema revisions, the oldest first. The file of a revision begins with it."""
HEAD = REVISIONS[-1]

_version_table = Table(VERSION_TABLE, MetaData(), Column("version_num", String))
"""The table of Alembic with the revision in its only row."""


def schema_problem(engine: Engine) -> Problem | None:
    """Return why this version cannot use the schema of the database; `None` if it can.

    A newer schema can be used: migrations are additive, so that both versions can run during an upgrade.
    Raises DatabaseUnavailable.
    """
    with translate_database_errors(), begin_snapshot(engine) as connection:
        revision = _revision(connection)
        if revision is None:
            return missing_tables(connection)
    if revision in REVISIONS[:-1]:
        return Problem("the database", f"has schema revision {revision}, and this version needs {HEAD}", MIGRATE)
    return None


def require_head(engine: Engine) -> None:
    """Raise DatabaseUnavailable unless the database has the newest schema revision."""
    if problem := schema_problem(engine):
        raise DatabaseUnavailable(problem.found, problem.remedy)
    if revision_of(engine) != HEAD:
        raise DatabaseUnavailable("its schema revision is unknown to this version")


def schema_drift(engine: Engine) -> list[str]:
    """Return how the tables differ from those of the newest revision, one line each; none for another revision.

    Raises DatabaseUnavailable.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from database.dialect_options import metadata

    with translate_database_errors(), engine.connect() as connection:
        if _revision(connection) != HEAD:
            return []
        context = MigrationContext.configure(connection, opts={"include_object": _belongs_to_schema})
        differences = compare_metadata(context, metadata)
    return [_describe(difference) for difference in differences]


def revision_of(engine: Engine) -> str | None:
    """Return the schema revision, None if the database has no tables. Raises DatabaseUnavailable."""
    with translate_database_errors(), engine.connect() as connection:
        return _revision(connection)


def upgrade(engine: Engine) -> str | None:
    """Run the missing migrations. Return the new schema revision, None if no migration was missing.

    Changes no table of another application. Raises DatabaseUnavailable, also if other processes use the tables for too
    long, and if tables have the names of Latchkey's, but are not.
    """
    if revision_of(engine) == HEAD:
        return None
    from alembic import command

    _run(engine, lambda config: command.upgrade(config, "head"))
    return HEAD


def downgrade(engine: Engine, revision: str) -> None:
    """Undo the migrations after this revision. The data in their tables and columns is lost.

    Raises DatabaseUnavailable like `upgrade`.
    """
    from alembic import command

    _run(engine, lambda config: command.downgrade(config, revision))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_version_table.name):
        return None
    return connection.execute(select(_version_table.c.version_num)).scalar()


def _alembic_config() -> "Config":
    """Return the configuration of Alembic: an installed package has no alembic.ini, which is for its own command."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run(engine: Engine, migrate: Callable[["Config"], None]) -> None:
    from alembic.util import CommandError

    config = _alembic_config()
    config.attributes["engine"] = engine
    try:
        with translate_database_errors():
            migrate(config)
    except CommandError:
        raise DatabaseUnavailable("its schema revision is unknown to this version") from None


def _belongs_to_schema(_thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    return kind != "table" or name in metadata.tables


def _describe(difference: tuple[object, ...] | list[tuple[object, ...]]) -> str:
    """Return one of Alembic's differences as text: the operation that would remove it, and its object."""
    if isinstance(difference, list):
        return "; ".join(_describe(part) for part in difference)
    operation, *objects = difference
    names = [part if isinstance(part, str) else getattr(part, "name", None) for part in objects]
    return f"{str(operation).replace('_', ' ')} {'.'.join(name for name in names if isinstance(name, str))}"
