"""A database of each kind, with or without tables."""

import pytest
from sqlalchemy import Engine

from database.schema import upgrade
from tests.support.stores import engine_of


def migrated_engine(url: str) -> Engine:
    """Return an engine of this database, after all migrations."""
    engine = engine_of({"DATABASE_URL": url}, may_create=True)
    upgrade(engine)
    return engine


@pytest.fixture
def engine(migrated_database: str) -> Engine:
    """An engine of a new database with tables."""
    return engine_of({"DATABASE_URL": migrated_database})


@pytest.fixture
def migrator(empty_database: str) -> Engine:
    """An engine of a new database without tables, for a migration."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


@pytest.fixture
def server(migrator: Engine, empty_database: str) -> Engine:
    """Another engine of the same database, for the previous version, whose connections cache the old tables."""
    other = engine_of({"DATABASE_URL": empty_database})
    assert other is not migrator
    return other
