"""A migration that runs while the version before serves does not break it, then or later."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Engine, Text

from database.schema import REVISIONS, downgrade
from tests.support.migration_workload import serving
from tests.support.migrations import contents, fill, migrate, tables_of
from tests.support.stores import engine_of

ROWS = range(1, 200)


@pytest.fixture
def migrator(empty_database: str) -> Engine:
    """An engine of a new database, for whoever migrates."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


@pytest.fixture
def server(migrator: Engine, empty_database: str) -> Engine:
    """Another engine of the same, for the version before: its connections know the tables as they were."""
    other = engine_of({"DATABASE_URL": empty_database})
    assert other is not migrator
    return other


def faults_while(server: Engine, migrator: Engine, act: Callable[[], object]) -> list[str]:
    """Do something to tables with data in them, which are served as they are now; returns what went wrong there."""
    fill(migrator, ROWS)
    tables = tables_of(migrator)
    before = contents(migrator, tables)
    with serving(server, tables) as faults:
        act()
    if not faults():
        assert contents(migrator, tables) == before
    return faults()


STEPS = [*pairwise(REVISIONS)]


@pytest.mark.parametrize(("older", "newer"), STEPS, ids=[f"{older} to {newer}" for older, newer in STEPS])
def test_the_version_before_serves_on(server: Engine, migrator: Engine, older: str, newer: str) -> None:
    migrate(migrator, older)
    assert faults_while(server, migrator, lambda: migrate(migrator, newer)) == []


def test_every_version_serves_on_until_the_newest(server: Engine, migrator: Engine) -> None:
    migrate(migrator, REVISIONS[0])
    assert faults_while(server, migrator, lambda: migrate(migrator, REVISIONS[-1])) == []


def drop_a_column(operations: Operations) -> None:
    operations.drop_column("users", "updated_at")


def rename_a_column(operations: Operations) -> None:
    operations.alter_column("users", "password_hash", new_column_name="hash")


def demand_a_column(operations: Operations) -> None:
    with operations.batch_alter_table("sessions") as batch:
        batch.add_column(Column("tenant", Text, nullable=False, server_default=""))
    with operations.batch_alter_table("sessions") as batch:
        batch.alter_column("tenant", server_default=None)


def drop_a_table(operations: Operations) -> None:
    operations.drop_table("revocations")  # without foreign keys: its lock is the only one, so nothing can deadlock


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (drop_a_column, "updated_at"),
        (rename_a_column, "password_hash"),
        (demand_a_column, "tenant|no such table"),
        (drop_a_table, "revocations"),
    ],
)
def test_a_migration_that_takes_or_demands_would_be_noticed(
    server: Engine, migrator: Engine, harm: Callable[[Operations], None], told: str
) -> None:
    def act() -> None:
        with migrator.begin() as connection:
            harm(Operations(MigrationContext.configure(connection)))

    migrate(migrator, REVISIONS[-1])
    faults = faults_while(server, migrator, act)
    assert faults
    assert all(any(word in fault for word in told.split("|")) for fault in faults), faults


def test_to_go_back_while_the_newest_version_serves_would_be_noticed(server: Engine, migrator: Engine) -> None:
    migrate(migrator, REVISIONS[-1])
    assert faults_while(server, migrator, lambda: downgrade(migrator, REVISIONS[0]))
