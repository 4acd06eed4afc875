"""Upgrades and downgrades between all revisions keep the data and the schema."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, insert, select

from database.schema import HEAD, REVISIONS, downgrade, revision_of, upgrade
from database.tables import audit_events, users
from database.user_editor import UserEditor
from tests.support.migrations import ALL_REVISIONS, BASE, fill_tables, migrate, rows_of, schema_of, tables_of
from tests.support.stores import engine_of

STEPS = [*zip(ALL_REVISIONS, REVISIONS, strict=False)]
ROWS = range(1, 30)


class Killed(BaseException):
    """Ends a migration as if its process were killed."""


@pytest.fixture
def engine(empty_database: str) -> Engine:
    """An engine of a new database without tables."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


def test_upgrade_and_downgrade_between_any_revisions_keep_data_and_schema(engine: Engine) -> None:
    for older in ALL_REVISIONS[:-1]:
        migrate(engine, older)
        fill_tables(engine, ROWS)
        tables, schema = tables_of(engine), schema_of(engine)
        data = rows_of(engine, tables)
        for newer in ALL_REVISIONS[ALL_REVISIONS.index(older) + 1 :]:
            for _ in range(2):
                migrate(engine, newer)
                assert revision_of(engine) == newer
                assert rows_of(engine, tables) == data
                migrate(engine, older)
                assert rows_of(engine, tables) == data
                assert older == BASE or schema_of(engine) == schema
        migrate(engine, BASE)


def test_downgrade_keeps_all_rows_of_the_older_tables(engine: Engine) -> None:
    upgrade(engine)
    schema = schema_of(engine)
    fill_tables(engine, ROWS)
    for older in reversed(ALL_REVISIONS[:-1]):
        before = rows_of(engine, tables_of(engine))
        downgrade(engine, older)
        tables = tables_of(engine)
        for table in tables:
            (rows,) = rows_of(engine, [table]).values()
            assert len(rows) == len(before[table.name]) == len(ROWS)
    assert upgrade(engine) == HEAD
    assert schema_of(engine) == schema


def test_users_of_the_first_revision_can_be_read_and_edited(engine: Engine) -> None:
    migrate(engine, REVISIONS[0])
    fill_tables(engine, ROWS)
    upgrade(engine)
    editor = UserEditor(engine, "tests")
    row = editor.users.get(7)
    assert row is not None
    assert (row.username, row.roles, row.last_login_at) == ("username Zoé 7", ("name Zoé 7",), None)
    assert editor.set_active(row.id, active=False).active is False
    assert editor.users.count() == len(ROWS)


@pytest.mark.parametrize(("older", "newer"), STEPS, ids=[newer for _, newer in STEPS])
def test_killed_migration_changes_nothing_and_can_be_run_again(engine: Engine, older: str, newer: str) -> None:
    migrate(engine, older)
    fill_tables(engine, ROWS)
    schema = schema_of(engine)
    count = _count_statements(engine, newer)
    for after in range(count):
        migrate(engine, older)
        with pytest.raises(Killed):
            _kill_migration(engine, newer, after)
        left = schema_of(engine)
        assert left == left | schema
        assert left.keys() - {"latchkey_alembic_version"} == schema.keys() - {"latchkey_alembic_version"}
        migrate(engine, newer)
    assert count > 1


def _changes(statement: str) -> bool:
    return statement.strip().startswith(("ALTER", "CREATE", "INSERT", "UPDATE"))


@contextmanager
def _call_before_statements(engine: Engine, call: Callable[[], None]) -> Iterator[None]:
    """Call a function before each statement that changes tables."""

    def listen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if _changes(statement):
            call()

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listen)


def _count_statements(engine: Engine, newer: str) -> int:
    """Migrate, and return the number of statements that changed tables."""
    statements: list[None] = []
    with _call_before_statements(engine, lambda: statements.append(None)):
        migrate(engine, newer)
    return len(statements)


def _kill_migration(engine: Engine, newer: str, after: int) -> None:
    """Migrate, and raise Killed after this number of statements."""
    remaining = iter(range(after))

    def count_down() -> None:
        if next(remaining, None) is None:
            raise Killed

    with _call_before_statements(engine, count_down):
        migrate(engine, newer)


def test_migration_gives_events_to_the_users_who_exist_and_not_to_deleted_ones(engine: Engine) -> None:
    migrate(engine, "0006")
    with engine.begin() as connection:
        for user_id, name in [(1, "zoe"), (2, "yan")]:
            names = {"id": user_id, "username": name, "username_folded": name}
            connection.execute(insert(users).values({**names, "password_hash": "hash", "active": True}))
        actions: list[tuple[str, str | None]] = [
            ("user_added", "zoe"), ("user_deleted", "zoe"), ("user_added", "zoe"), ("user_disabled", "zoe"),
            ("user_added", "yan"), ("user_renamed", "yan"), ("user_added", "max"), ("users_imported", None),
        ]  # fmt: skip
        for action, changed in actions:
            event_row = {"operator": "cli", "action": action, "username_folded": changed}
            connection.execute(insert(audit_events).values(event_row))
    migrate(engine, "0007")
    with engine.connect() as connection:
        ids = [*connection.scalars(select(audit_events.c.user_id).order_by(audit_events.c.id))]
    assert ids == [None, None, 1, 1, None, 2, None, None]
