"""Whether a database fits this version's tables, and bringing it there or back."""

import logging
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from config.errors import Problem
from database.error_translation import MIGRATE, translate_database_errors
from database.errors import DatabaseUnavailable
from database.tables import metadata

# Whoever calls us says what was done; Alembic would say it again.
logging.getLogger("alembic.runtime").setLevel(logging.WARNING)

_ALEMBIC_INI = Path(__file__).resolve().parent.parent / "alembic.ini"

REVISIONS = [
    script.revision for script in reversed([*ScriptDirectory.from_config(Config(_ALEMBIC_INI)).walk_revisions()])
]
"""Every revision of the tables, the oldest first."""
HEAD = REVISIONS[-1]


def schema_problem(engine: Engine) -> Problem | None:
    """Return why this version cannot use the schema of the database; `None` if it can.

    A newer schema can be used: migrations are additive, so that both versions can run during an upgrade.
    Raises DatabaseUnavailable.
    """
    with translate_database_errors(), engine.connect() as connection:
        revision = _revision(connection)
    if revision is None:
        return Problem("the database", "has no tables", MIGRATE)
    if revision in REVISIONS[:-1]:
        return Problem("the database", f"has schema revision {revision}, and this version needs {HEAD}", MIGRATE)
    return None


def schema_drift(engine: Engine) -> list[str]:
    """Return how the tables differ from those of the newest migration, one line each; none at an older revision.

    Raises DatabaseUnavailable.
    """
    with translate_database_errors(), engine.connect() as connection:
        if _revision(connection) != HEAD:
            return []
        context = MigrationContext.configure(connection, opts={"include_object": _is_ours})
        found = compare_metadata(context, metadata)
    return [_describe(difference) for difference in found]


def revision_of(engine: Engine) -> str | None:
    """Return the revision of the tables, `None` if there are none. Raises DatabaseUnavailable."""
    with translate_database_errors(), engine.connect() as connection:
        return _revision(connection)


def upgrade(engine: Engine) -> str | None:
    """Run the migrations that the database lacks; returns the new revision, `None` if it lacked none.

    Raises DatabaseUnavailable if it cannot be asked, or if its tables are in use for too long.
    """
    if revision_of(engine) == HEAD:
        return None
    _run(engine, lambda config: command.upgrade(config, "head"))
    return HEAD


def downgrade(engine: Engine, revision: str) -> None:
    """Undo the migrations after this one of REVISIONS, with all that is only in their tables and columns.

    Raises as `upgrade` does.
    """
    _run(engine, lambda config: command.downgrade(config, revision))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _run(engine: Engine, act: Callable[[Config], None]) -> None:
    config = Config(_ALEMBIC_INI)
    config.attributes["engine"] = engine
    try:
        with translate_database_errors():
            act(config)
    except CommandError:
        raise DatabaseUnavailable("its schema revision is unknown to this version") from None


def _is_ours(_thing: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    return kind != "table" or name in metadata.tables


def _describe(difference: tuple[object, ...] | list[tuple[object, ...]]) -> str:
    """Return one of Alembic's differences in words: what would have to be done, and to what."""
    if isinstance(difference, list):
        return "; ".join(_describe(one) for one in difference)
    action, *what = difference
    names = [part if isinstance(part, str) else getattr(part, "name", None) for part in what]
    return f"{str(action).replace('_', ' ')} {'.'.join(name for name in names if isinstance(name, str))}"
