"""Whether the tables fit, and how they were changed; and migrations that cannot have the tables they need."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, event

from config.errors import Problem
from database import engine as engine_module
from database.error_translation import MIGRATE
from database.errors import DatabaseUnavailable
from database.schema import HEAD, REVISIONS, downgrade, revision_of, schema_drift, schema_problem, upgrade
from tests.conftest import new_database
from tests.database.conftest import opened
from tests.servers.process import wait_until
from tests.support.flask_program import ENVIRON, FLASK, ROOT
from tests.support.migrations import ALL, BASE, migrate, shape, tables_of
from tests.support.session_rows import somebody_waits
from tests.support.stores import engine_of


@pytest.fixture
def bare(empty_database: str) -> Engine:
    """An engine of a new database without tables."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_tables_fit_at_the_newest_revision_and_at_no_older_one(bare: Engine) -> None:
    run(bare, "CREATE TABLE strangers (id INTEGER)")
    assert (revision_of(bare), schema_problem(bare)) == (None, Problem("the database", "has no tables", MIGRATE))
    for revision in REVISIONS[:-1]:
        migrate(bare, revision)
        found = f"has schema revision {revision}, and this version needs {HEAD}"
        why = Problem("the database", found, MIGRATE)
        assert (revision_of(bare), schema_problem(bare), schema_drift(bare)) == (revision, why, [])
    migrate(bare, HEAD)
    assert (revision_of(bare), schema_problem(bare)) == (HEAD, None)


def test_tables_that_were_taken_back_do_not_fit(bare: Engine) -> None:
    upgrade(bare)
    for revision in reversed(ALL[:-1]):
        downgrade(bare, revision)
        assert revision_of(bare) == (None if revision == BASE else revision)
        assert schema_problem(bare)


def test_newer_tables_fit_and_are_left_alone(engine: Engine) -> None:
    run(engine, "ALTER TABLE users ADD COLUMN tenant TEXT")
    run(engine, "UPDATE alembic_version SET version_num = '9999'")
    assert (revision_of(engine), schema_problem(engine), schema_drift(engine)) == ("9999", None, [])
    before = shape(engine)
    with pytest.raises(DatabaseUnavailable, match="schema revision is unknown to this version"):
        upgrade(engine)
    with pytest.raises(DatabaseUnavailable, match="schema revision is unknown to this version"):
        downgrade(engine, REVISIONS[0])
    assert shape(engine) == before


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP INDEX ix_users_disabled", "add index ix_users_disabled"),
        ("ALTER TABLE users DROP COLUMN last_login_at", "add column users.last_login_at"),
        ("ALTER TABLE users ADD COLUMN tenant TEXT", "remove column users.tenant"),
        ("ALTER TABLE audit_events RENAME COLUMN details TO words", "add column audit_events.details"),
        ("DROP TABLE revocations", "add table revocations"),
        ("CREATE UNIQUE INDEX mine ON users (email)", "remove index mine"),
    ],
)
def test_what_somebody_has_changed_is_told(engine: Engine, statement: str, told: str) -> None:
    assert schema_drift(engine) == []
    run(engine, statement)
    assert told in schema_drift(engine)
    assert schema_problem(engine) is None


def test_on_postgresql_a_column_of_another_kind_is_told(postgres: str) -> None:
    engine = opened(new_database(postgres, "kinds"))
    run(engine, "ALTER TABLE sessions ALTER COLUMN client_id DROP NOT NULL, ALTER COLUMN idp TYPE VARCHAR(9)")
    assert sorted(schema_drift(engine)) == ["modify nullable sessions.client_id", "modify type sessions.idp"]


def test_tables_of_somebody_else_beside_ours_are_no_change_of_ours(engine: Engine) -> None:
    run(engine, "CREATE TABLE strangers (id INTEGER)")
    run(engine, "CREATE INDEX ix_strangers ON strangers (id)")
    assert schema_drift(engine) == []


def test_whoever_cannot_be_asked_is_an_outage(tmp_path: Path) -> None:
    engine = engine_of({"DATABASE_URL": f"sqlite:///{tmp_path}/missing.db"})
    for ask in (schema_problem, schema_drift, revision_of, upgrade):
        with pytest.raises(DatabaseUnavailable, match="unable to open database file"):
            ask(engine)


def test_on_postgresql_an_upgrade_gives_up_while_somebody_writes_and_can_be_run_later(postgres: str) -> None:
    engine = opened(new_database(postgres, "held"))
    downgrade(engine, "0002")
    before = shape(engine)
    with ThreadPoolExecutor(1) as threads, engine.begin() as somebody:
        somebody.exec_driver_sql("LOCK TABLE users IN ROW EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable, match="Somebody is at work in its tables; try again"):
            threads.submit(upgrade, engine).result(30)
    assert (shape(engine), revision_of(engine)) == (before, "0002")
    assert upgrade(engine) == HEAD


def test_on_postgresql_a_second_upgrade_waits_for_the_first(postgres: str) -> None:
    url = new_database(postgres, "twice")
    engine = engine_of({"DATABASE_URL": url})
    others: list[subprocess.Popen[bytes]] = []

    def begin_another(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "CREATE TABLE sessions" in statement:
            environ = ENVIRON | {"DATABASE_URL": url}
            others.append(subprocess.Popen([*FLASK, "db", "upgrade"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL))
            wait_until(lambda: somebody_waits(engine) or others[0].poll() is not None, 60)

    event.listen(engine, "before_cursor_execute", begin_another)
    try:
        assert upgrade(engine) == HEAD
    finally:
        (code,) = [other.wait(60) for other in others]
    assert (code, schema_problem(engine), schema_drift(engine)) == (0, None, [])


@contextmanager
def asking(engine: Engine) -> Iterator[None]:
    """Ask for a user without pause, as logins of the version before do; a fault in one is raised here."""
    answers: list[object] = []
    enough = Event()

    def ask() -> None:
        while not enough.is_set():
            with engine.begin() as connection:
                answers.append(connection.exec_driver_sql("SELECT username FROM users WHERE username_folded = 'zoé'"))

    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(ask) for _ in range(2)]
        try:
            wait_until(lambda: len(answers) > 4)
            yield
            seen = len(answers)
            wait_until(lambda: len(answers) > seen + 4 or any(one.done() for one in asked))
        finally:
            enough.set()
        for one in asked:
            one.result(60)


def test_on_postgresql_logins_go_on_while_an_upgrade_waits_and_gives_up(postgres: str) -> None:
    engine = opened(new_database(postgres, "logins"))
    downgrade(engine, "0002")
    with ThreadPoolExecutor(1) as threads, engine.begin() as somebody, asking(engine):
        somebody.exec_driver_sql("SELECT count(*) FROM users")
        with pytest.raises(DatabaseUnavailable, match="try again"):
            threads.submit(upgrade, engine).result(30)
    assert revision_of(engine) == "0002"


def test_on_sqlite_an_upgrade_gives_up_while_somebody_writes_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "TIMEOUT_SECONDS", 1)
    engine = opened(f"sqlite:///{tmp_path}/users.db")
    downgrade(engine, "0002")
    before = shape(engine)
    with engine.connect() as somebody:
        somebody.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="locked"):
            upgrade(engine)
    assert (shape(engine), revision_of(engine)) == (before, "0002")
    assert upgrade(engine) == HEAD


def test_on_postgresql_no_index_is_made_while_nobody_can_read_the_table(postgres: str) -> None:
    # It takes a look at every row, and logins wait for it.
    engine = engine_of({"DATABASE_URL": new_database(postgres, "indexes")})
    served: list[str] = []
    kept_out: list[str] = []

    def look(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("CREATE") and "INDEX" in statement:
            kept_out.extend(f"{statement} {name}" for name in served if name in _exclusive(engine))

    event.listen(engine, "before_cursor_execute", look)
    for revision in REVISIONS:
        migrate(engine, revision)
        served = [table.name for table in tables_of(engine)]
    assert kept_out == []


def _exclusive(engine: Engine) -> list[str]:
    """Return the tables that nobody can read now."""
    locks = "SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation WHERE mode = 'AccessExclusiveLock'"
    with engine.connect() as connection:
        return [*connection.exec_driver_sql(locks).scalars()]
