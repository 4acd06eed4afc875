"""One database of each kind for many tests, since PostgreSQL creates and drops a database slowly."""

from functools import cache

import pytest
from sqlalchemy import Engine

from database.tables import metadata
from tests.conftest import new_database
from tests.database.conftest import migrated_engine

DATABASE_KINDS = ("sqlite", "postgres")


def empty_engine(request: pytest.FixtureRequest) -> Engine:
    """Return an engine of the database of the kind `request.param`, after deleting all its rows."""
    if request.param == "postgres":
        engine = _shared_engine(request.getfixturevalue("postgres"))
    else:
        engine = _shared_engine(f"sqlite:///{request.getfixturevalue('tmp_path_factory').getbasetemp()}/")
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return engine


@cache
def _shared_engine(server: str) -> Engine:
    return migrated_engine(f"{server}emptied.db" if server.startswith("sqlite") else new_database(server, "emptied"))
