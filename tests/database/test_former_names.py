"""Databases whose tables have no prefix yet: an upgrade renames the tables, and workers of the former version stop."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, Table, insert, inspect

from database.error_translation import MIGRATE, translate_database_errors
from database.errors import DatabaseUnavailable
from database.names import PREFIX
from database.schema import HEAD, revision_of, schema_drift, schema_problem, upgrade
from database.tables import metadata, revocations
from tests.support.former_tables import FORMER_HEAD, FORMER_REVISIONS, create_former_tables, former_migration
from tests.support.migration_workload import concurrent_workload
from tests.support.migrations import fill_tables, rows_of, schema_of, tables_of
from tests.support.stores import engine_of

ROWS = range(1, 30)


@pytest.fixture
def engine(empty_database: str) -> Engine:
    """An engine of a new database without tables."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


@pytest.fixture
def server(engine: Engine, empty_database: str) -> Engine:
    """Another engine of the same database, for a worker of the former version."""
    other = engine_of({"DATABASE_URL": empty_database})
    assert other is not engine
    return other


def rows(engine: Engine, tables: list[Table], prefix: str = "") -> list[list[tuple[Any, ...]]]:
    """Return the rows of these tables, whose names now have this prefix."""
    renamed = [table.to_metadata(MetaData(), name=f"{prefix}{table.name}") for table in tables]
    return [*rows_of(engine, renamed).values()]


@pytest.mark.parametrize("revision", ["0001", "0004", FORMER_HEAD])
def test_upgrade_renames_the_tables_and_keeps_every_row(engine: Engine, revision: str) -> None:
    metadata.create_all(engine)
    expected = schema_of(engine)
    metadata.drop_all(engine)
    create_former_tables(engine, revision)
    fill_tables(engine, ROWS)
    tables = tables_of(engine)
    before = rows(engine, tables)
    problem = schema_problem(engine)
    assert problem
    assert problem.statement == "the database has the tables of Latchkey under names without latchkey_"
    assert upgrade(engine) == HEAD
    assert rows(engine, tables, PREFIX) == before
    assert (revision_of(engine), schema_problem(engine), schema_drift(engine)) == (HEAD, None, [])
    schema = schema_of(engine)
    del schema["alembic_version"], schema["latchkey_alembic_version"]
    assert schema == expected
    assert upgrade(engine) is None


def test_ids_of_deleted_revocations_are_not_reused(engine: Engine) -> None:
    create_former_tables(engine, FORMER_HEAD)
    former = next(one for one in tables_of(engine) if one.name == "revocations")
    row = {"ended": "x", "expires_at": datetime.now(UTC)}
    with engine.begin() as connection:
        for _ in range(5):
            connection.execute(insert(former), row)
        connection.execute(former.delete())
    upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(insert(revocations).returning(revocations.c.id), row).scalar_one() > 5


def test_workers_of_the_former_version_stop_without_a_lost_write(server: Engine, engine: Engine) -> None:
    create_former_tables(engine, FORMER_HEAD)
    fill_tables(engine, ROWS)
    tables = tables_of(engine)
    before = rows(engine, tables)
    with concurrent_workload(server, tables) as errors:
        upgrade(engine)
    assert len(errors()) == 3
    assert all("no such table" in error or "does not exist" in error for error in errors())
    for old, new in zip(before, rows(engine, tables, PREFIX), strict=True):
        assert {*old} <= {*new}


def test_former_version_is_not_ready_and_creates_no_second_set_of_tables(server: Engine, engine: Engine) -> None:
    create_former_tables(engine, FORMER_HEAD)
    upgrade(engine)
    names = inspect(engine).get_table_names()
    with server.connect() as connection:
        # It compares this revision with its own, reports the difference, and does not become ready.
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    assert found in FORMER_REVISIONS[:-1]
    next_revision = FORMER_REVISIONS[FORMER_REVISIONS.index(found) + 1]
    for statement in ("SELECT username FROM users", *former_migration(engine, next_revision)):
        with pytest.raises(DatabaseUnavailable, match=MIGRATE), translate_database_errors(), server.begin() as old:
            old.exec_driver_sql(statement)
    assert inspect(engine).get_table_names() == names
