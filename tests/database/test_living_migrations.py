"""A migration does not break the previous version, which serves during the migration and after it."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Engine, Text

from database.schema import REVISIONS, downgrade
from tests.support.migration_workload import concurrent_workload
from tests.support.migrations import fill_tables, migrate, rows_of, tables_of

ROWS = range(1, 200)


def errors_during(server: Engine, migrator: Engine, act: Callable[[], object]) -> list[str]:
    """Call `act` during a workload on the tables as they are now. Return the errors of the workload."""
    fill_tables(migrator, ROWS)
    tables = tables_of(migrator)
    before = rows_of(migrator, tables)
    with concurrent_workload(server, tables) as errors:
        act()
    if not errors():
        assert rows_of(migrator, tables) == before
    return errors()


STEPS = [*pairwise(REVISIONS)]


@pytest.mark.parametrize(("older", "newer"), STEPS, ids=[f"{older} to {newer}" for older, newer in STEPS])
def test_previous_version_keeps_working_during_a_migration(
    server: Engine, migrator: Engine, older: str, newer: str
) -> None:
    migrate(migrator, older)
    assert errors_during(server, migrator, lambda: migrate(migrator, newer)) == []


def test_first_version_keeps_working_during_all_migrations(server: Engine, migrator: Engine) -> None:
    migrate(migrator, REVISIONS[0])
    assert errors_during(server, migrator, lambda: migrate(migrator, REVISIONS[-1])) == []


def drop_a_column(operations: Operations) -> None:
    operations.drop_column("latchkey_users", "updated_at")


def rename_a_column(operations: Operations) -> None:
    operations.alter_column("latchkey_users", "password_hash", new_column_name="hash")


def require_a_column(operations: Operations) -> None:
    with operations.batch_alter_table("latchkey_sessions") as batch:
        batch.add_column(Column("tenant", Text, nullable=False, server_default=""))
    with operations.batch_alter_table("latchkey_sessions") as batch:
        batch.alter_column("tenant", server_default=None)


def drop_a_table(operations: Operations) -> None:
    operations.drop_table("latchkey_revocations")  # it has no foreign keys, so this takes one lock and cannot deadlock


@pytest.mark.parametrize(
    ("break_tables", "expected"),
    [
        (drop_a_column, "updated_at"),
        (rename_a_column, "password_hash"),
        (require_a_column, "tenant|no such table"),
        (drop_a_table, "revocations"),
    ],
)
def test_workload_detects_a_migration_that_is_not_additive(
    server: Engine, migrator: Engine, break_tables: Callable[[Operations], None], expected: str
) -> None:
    def act() -> None:
        with migrator.begin() as connection:
            break_tables(Operations(MigrationContext.configure(connection)))

    migrate(migrator, REVISIONS[-1])
    errors = errors_during(server, migrator, act)
    assert errors
    assert all(any(word in error for word in expected.split("|")) for error in errors), errors


def test_workload_detects_a_downgrade(server: Engine, migrator: Engine) -> None:
    migrate(migrator, REVISIONS[-1])
    assert errors_during(server, migrator, lambda: downgrade(migrator, REVISIONS[0]))
