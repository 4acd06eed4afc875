"""From every revision forward to every later one, and back: what is in the tables stays, and so do the tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations

import pytest
from sqlalchemy import Engine, event

from database.schema import HEAD, REVISIONS, downgrade, revision_of, upgrade
from database.user_editor import UserEditor
from tests.support.migrations import ALL, BASE, contents, fill, migrate, shape, tables_of
from tests.support.stores import engine_of

STEPS = [*zip(ALL, REVISIONS, strict=False)]
ROWS = range(1, 30)


class Killed(BaseException):
    """Nobody lives to hear of this."""


@pytest.fixture
def engine(empty_database: str) -> Engine:
    """An engine of a new database without tables."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


def test_every_release_forward_and_back_keeps_data_and_tables(engine: Engine) -> None:
    for older, newer in combinations(ALL, 2):
        migrate(engine, older)
        fill(engine, ROWS)
        tables, kept, drawn = tables_of(engine), contents(engine, tables_of(engine)), shape(engine)
        migrate(engine, newer)
        assert revision_of(engine) == newer
        assert contents(engine, tables) == kept
        for _ in range(2):
            migrate(engine, older)
            assert contents(engine, tables) == kept
            assert older == BASE or shape(engine) == drawn
            migrate(engine, newer)
        migrate(engine, BASE)


def test_back_from_full_tables_what_older_ones_have_room_for_stays(engine: Engine) -> None:
    upgrade(engine)
    drawn = shape(engine)
    fill(engine, ROWS)
    for older in reversed(ALL[:-1]):
        whole = contents(engine, tables_of(engine))
        downgrade(engine, older)
        tables = tables_of(engine)
        for table in tables:
            (rows,) = contents(engine, [table]).values()
            assert len(rows) == len(whole[table.name]) == len(ROWS)
    assert upgrade(engine) == HEAD
    assert shape(engine) == drawn


def test_users_of_the_first_release_are_users_of_this_one(engine: Engine) -> None:
    migrate(engine, REVISIONS[0])
    fill(engine, ROWS)
    upgrade(engine)
    editor = UserEditor(engine, "tests")
    row = editor.users.get(7)
    assert row is not None
    assert (row.username, row.roles, row.last_login_at) == ("username Zoé 7", ("name Zoé 7",), None)
    assert editor.set_active(row.id, active=False).active is False
    assert editor.users.count() == len(ROWS)


@pytest.mark.parametrize(("older", "newer"), STEPS, ids=[newer for _, newer in STEPS])
def test_a_migration_that_is_killed_has_changed_nothing_and_can_be_run_again(
    engine: Engine, older: str, newer: str
) -> None:
    migrate(engine, older)
    fill(engine, ROWS)
    drawn = shape(engine)
    count = _count(engine, newer)
    for after in range(count):
        migrate(engine, older)
        with pytest.raises(Killed):
            _migrate_and_die(engine, newer, after)
        assert shape(engine) == shape(engine) | drawn
        assert shape(engine).keys() - {"alembic_version"} == drawn.keys() - {"alembic_version"}
        migrate(engine, newer)
    assert count > 1


def _changes(statement: str) -> bool:
    return statement.strip().startswith(("ALTER", "CREATE", "INSERT", "UPDATE"))


@contextmanager
def _listening(engine: Engine, hear: Callable[[], None]) -> Iterator[None]:
    """Hear of every statement that changes tables, before it is run."""

    def listen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if _changes(statement):
            hear()

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listen)


def _count(engine: Engine, newer: str) -> int:
    """Migrate; returns by how many statements."""
    heard: list[None] = []
    with _listening(engine, lambda: heard.append(None)):
        migrate(engine, newer)
    return len(heard)


def _migrate_and_die(engine: Engine, newer: str, after: int) -> None:
    """Migrate, until so many statements were run."""
    heard = iter(range(after))

    def hear() -> None:
        if next(heard, None) is None:
            raise Killed

    with _listening(engine, hear):
        migrate(engine, newer)
