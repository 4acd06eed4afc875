"""A database for many tests, one of each kind: PostgreSQL takes longer to make and remove one than a test takes."""

from functools import cache

import pytest
from sqlalchemy import Engine

from database.tables import metadata
from tests.conftest import new_database
from tests.database.conftest import opened

KINDS = ("sqlite", "postgres")


def emptied(request: pytest.FixtureRequest) -> Engine:
    """Return an engine of the database of the kind that a fixture is asked for, with tables and nothing in them."""
    if request.param == "postgres":
        engine = _made(request.getfixturevalue("postgres"))
    else:
        engine = _made(f"sqlite:///{request.getfixturevalue('tmp_path_factory').getbasetemp()}/")
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return engine


@cache
def _made(server: str) -> Engine:
    return opened(f"{server}emptied.db" if server.startswith("sqlite") else new_database(server, "emptied"))
