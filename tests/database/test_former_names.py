"""Databases whose tables have no prefix yet: an upgrade renames the tables, and workers of the former version stop."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, Table, insert, inspect

from database.dialect_options import metadata
from database.error_translation import MIGRATE, translate_database_errors
from database.errors import DatabaseUnavailable
from database.names import PREFIX
from database.schema import HEAD, revision_of, schema_drift, schema_problem, upgrade
from database.tables import revocations
from tests.support.former_tables import FORMER_HEAD, FORMER_REVISIONS, create_former_tables, former_migration
from tests.support.migration_workload import concurrent_workload
from tests.support.migrations import fill_tables, rows_of, schema_of, tables_of

ROWS = range(1, 30)


def rows(engine: Engine, tables: list[Table], prefix: str = "") -> list[list[tuple[Any, ...]]]:
    """Return the rows of these tables, whose names now have this prefix."""
    renamed = [table.to_metadata(MetaData(), name=f"{prefix}{table.name}") for table in tables]
    return [*rows_of(engine, renamed).values()]


@pytest.mark.parametrize("revision", ["0001", "0004", FORMER_HEAD])
def test_upgrade_renames_the_tables_and_keeps_every_row(migrator: Engine, revision: str) -> None:
    metadata.create_all(migrator)
    expected = schema_of(migrator)
    metadata.drop_all(migrator)
    create_former_tables(migrator, revision)
    fill_tables(migrator, ROWS)
    tables = tables_of(migrator)
    before = rows(migrator, tables)
    problem = schema_problem(migrator)
    assert problem
    assert problem.statement == "the database has the tables of Latchkey under names without latchkey_"
    assert upgrade(migrator) == HEAD
    assert rows(migrator, tables, PREFIX) == before
    assert (revision_of(migrator), schema_problem(migrator), schema_drift(migrator)) == (HEAD, None, [])
    schema = schema_of(migrator)
    del schema["alembic_version"], schema["latchkey_alembic_version"]
    assert schema == expected
    assert upgrade(migrator) is None


def test_ids_of_deleted_revocations_are_not_reused(migrator: Engine) -> None:
    create_former_tables(migrator, FORMER_HEAD)
    former = next(one for one in tables_of(migrator) if one.name == "revocations")
    row = {"ended": "x", "expires_at": datetime.now(UTC)}
    with migrator.begin() as connection:
        for _ in range(5):
            connection.execute(insert(former), row)
        connection.execute(former.delete())
    upgrade(migrator)
    with migrator.begin() as connection:
        assert connection.execute(insert(revocations).returning(revocations.c.id), row).scalar_one() > 5


def test_workers_of_the_former_version_stop_without_a_lost_write(server: Engine, migrator: Engine) -> None:
    create_former_tables(migrator, FORMER_HEAD)
    fill_tables(migrator, ROWS)
    tables = tables_of(migrator)
    before = rows(migrator, tables)
    with concurrent_workload(server, tables) as errors:
        upgrade(migrator)
    assert len(errors()) == 3
    assert all("no such table" in error or "does not exist" in error for error in errors())
    for old, new in zip(before, rows(migrator, tables, PREFIX), strict=True):
        assert {*old} <= {*new}


def test_former_version_is_not_ready_and_creates_no_second_set_of_tables(server: Engine, migrator: Engine) -> None:
    create_former_tables(migrator, FORMER_HEAD)
    upgrade(migrator)
    names = inspect(migrator).get_table_names()
    with server.connect() as connection:
        # It compares this revision with its own, reports the difference, and does not become ready.
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    assert found in FORMER_REVISIONS[:-1]
    next_revision = FORMER_REVISIONS[FORMER_REVISIONS.index(found) + 1]
    for statement in ("SELECT username FROM users", *former_migration(migrator, next_revision)):
        with pytest.raises(DatabaseUnavailable, match=MIGRATE), translate_database_errors(), server.begin() as old:
            old.exec_driver_sql(statement)
    assert inspect(migrator).get_table_names() == names
