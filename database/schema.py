"""Bringing a database to this version's tables."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from database.outages import DatabaseUnavailable, raising_database_unavailable

# Whoever calls us says what was done; Alembic would say it again.
logging.getLogger("alembic.runtime").setLevel(logging.WARNING)

_ALEMBIC_INI = Path(__file__).resolve().parent.parent / "alembic.ini"


def upgrade(engine: Engine) -> str | None:
    """Run the migrations that the database lacks; returns the new revision, `None` if it lacked none.

    Raises DatabaseUnavailable if it cannot be asked.
    """
    config = Config(_ALEMBIC_INI)
    config.attributes["engine"] = engine
    head = ScriptDirectory.from_config(config).get_current_head()
    with raising_database_unavailable():
        with engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() == head:
                return None
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise DatabaseUnavailable("its tables are of a version that this one does not know") from None
    return head
