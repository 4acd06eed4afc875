"""The schema revision, drift from it, and upgrades while other processes use the tables."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event

from config.errors import Problem
from database import engine as engine_module
from database.error_translation import MIGRATE
from database.errors import DatabaseUnavailable
from database.schema import HEAD, REVISIONS, downgrade, revision_of, schema_drift, schema_problem, upgrade
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.servers.process import wait_until
from tests.support.flask_program import ENVIRON, FLASK, ROOT
from tests.support.migrations import ALL_REVISIONS, BASE, migrate, schema_of, tables_of
from tests.support.session_rows import is_lock_awaited
from tests.support.stores import engine_of


@pytest.fixture
def bare_engine(empty_database: str) -> Engine:
    """An engine of a new database without tables."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_only_an_older_revision_is_a_problem(bare_engine: Engine) -> None:
    run(bare_engine, "CREATE TABLE unrelated (id INTEGER)")
    assert (revision_of(bare_engine), schema_problem(bare_engine)) == (
        None,
        Problem(
            "the database", "has no tables of Latchkey, but those of another application, such as unrelated", MIGRATE
        ),
    )
    for revision in REVISIONS[:-1]:
        migrate(bare_engine, revision)
        found = f"has schema revision {revision}, and this version needs {HEAD}"
        problem = Problem("the database", found, MIGRATE)
        assert (revision_of(bare_engine), schema_problem(bare_engine), schema_drift(bare_engine)) == (
            revision,
            problem,
            [],
        )
    migrate(bare_engine, HEAD)
    assert (revision_of(bare_engine), schema_problem(bare_engine)) == (HEAD, None)


def test_downgraded_schema_is_a_problem(bare_engine: Engine) -> None:
    upgrade(bare_engine)
    for revision in reversed(ALL_REVISIONS[:-1]):
        downgrade(bare_engine, revision)
        assert revision_of(bare_engine) == (None if revision == BASE else revision)
        assert schema_problem(bare_engine)


def test_newer_revision_is_accepted_and_not_changed(engine: Engine) -> None:
    run(engine, "ALTER TABLE latchkey_users ADD COLUMN tenant TEXT")
    run(engine, "UPDATE latchkey_alembic_version SET version_num = '9999'")
    assert (revision_of(engine), schema_problem(engine), schema_drift(engine)) == ("9999", None, [])
    before = schema_of(engine)
    with pytest.raises(DatabaseUnavailable, match="schema revision is unknown to this version"):
        upgrade(engine)
    with pytest.raises(DatabaseUnavailable, match="schema revision is unknown to this version"):
        downgrade(engine, REVISIONS[0])
    assert schema_of(engine) == before


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DROP INDEX ix_latchkey_users_disabled", "add index ix_latchkey_users_disabled"),
        ("ALTER TABLE latchkey_users DROP COLUMN last_login_at", "add column latchkey_users.last_login_at"),
        ("ALTER TABLE latchkey_users ADD COLUMN tenant TEXT", "remove column latchkey_users.tenant"),
        (
            "ALTER TABLE latchkey_audit_events RENAME COLUMN details TO words",
            "add column latchkey_audit_events.details",
        ),
        ("DROP TABLE latchkey_revocations", "add table latchkey_revocations"),
        ("CREATE UNIQUE INDEX mine ON latchkey_users (email)", "remove index mine"),
    ],
)
def test_changed_schema_is_reported_as_drift(engine: Engine, statement: str, expected: str) -> None:
    assert schema_drift(engine) == []
    run(engine, statement)
    assert expected in schema_drift(engine)
    assert schema_problem(engine) is None


def test_on_postgresql_changed_column_type_is_reported_as_drift(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "kinds"))
    run(engine, "ALTER TABLE latchkey_sessions ALTER COLUMN client_id DROP NOT NULL, ALTER COLUMN idp TYPE VARCHAR(9)")
    assert sorted(schema_drift(engine)) == [
        "modify nullable latchkey_sessions.client_id",
        "modify type latchkey_sessions.idp",
    ]


def test_unrelated_table_is_not_drift(engine: Engine) -> None:
    run(engine, "CREATE TABLE unrelated (id INTEGER)")
    run(engine, "CREATE INDEX ix_unrelated ON unrelated (id)")
    assert schema_drift(engine) == []


def test_missing_database_raises_database_unavailable(tmp_path: Path) -> None:
    engine = engine_of({"DATABASE_URL": f"sqlite:///{tmp_path}/missing.db"})
    for call in (schema_problem, schema_drift, revision_of, upgrade):
        with pytest.raises(DatabaseUnavailable, match="does not exist"):
            call(engine)


def test_on_postgresql_upgrade_stops_during_a_concurrent_write_and_can_be_repeated(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "held"))
    downgrade(engine, "0002")
    before = schema_of(engine)
    with ThreadPoolExecutor(1) as threads, engine.begin() as other:
        other.exec_driver_sql("LOCK TABLE latchkey_users IN ROW EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable, match="Another process is using its tables: try again"):
            threads.submit(upgrade, engine).result(120)
    assert (schema_of(engine), revision_of(engine)) == (before, "0002")
    assert upgrade(engine) == HEAD


def test_on_postgresql_second_upgrade_waits_for_the_first(postgres: str) -> None:
    url = new_database(postgres, "twice")
    engine = engine_of({"DATABASE_URL": url})
    others: list[subprocess.Popen[bytes]] = []

    def start_second_upgrade(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "CREATE TABLE latchkey_sessions" in statement:
            environ = ENVIRON | {"DATABASE_URL": url}
            others.append(
                subprocess.Popen([*FLASK, "database", "upgrade"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
            )
            wait_until(lambda: is_lock_awaited(engine) or others[0].poll() is not None, 60)

    event.listen(engine, "before_cursor_execute", start_second_upgrade)
    try:
        assert upgrade(engine) == HEAD
    finally:
        (code,) = [other.wait(60) for other in others]
    assert (code, schema_problem(engine), schema_drift(engine)) == (0, None, [])


def test_revisions_are_those_of_alembic_in_its_order() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).walk_revisions()
    assert [script.revision for script in scripts] == [*reversed(REVISIONS)]


def test_alembic_logs_only_warnings() -> None:
    source = (
        "import logging; logging.basicConfig(level=logging.DEBUG); import sqlalchemy; import database.schema as s;"
        "print(s.upgrade(sqlalchemy.create_engine('sqlite://')))"
    )
    environ = {"PATH": os.defpath}
    command = [sys.executable, "-c", source]
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert (run.stdout, run.stderr) == (f"{HEAD}\n", "")


@contextmanager
def queries(engine: Engine) -> Iterator[None]:
    """Query a user repeatedly, like logins of the previous version. Raises the error of a query."""
    results: list[object] = []
    stop = Event()

    def query() -> None:
        while not stop.is_set():
            with engine.begin() as connection:
                results.append(
                    connection.exec_driver_sql("SELECT username FROM latchkey_users WHERE username_folded = 'zoé'")
                )

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(query) for _ in range(2)]
        try:
            wait_until(lambda: len(results) > 4)
            yield
            seen = len(results)
            wait_until(lambda: len(results) > seen + 4 or any(one.done() for one in running))
        finally:
            stop.set()
        for one in running:
            one.result(60)


def test_on_postgresql_logins_continue_while_an_upgrade_waits_for_a_table(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "logins"))
    downgrade(engine, "0002")
    with ThreadPoolExecutor(1) as threads, engine.begin() as other, queries(engine):
        other.exec_driver_sql("SELECT count(*) FROM latchkey_users")
        with pytest.raises(DatabaseUnavailable, match="try again"):
            threads.submit(upgrade, engine).result(120)
    assert revision_of(engine) == "0002"


def test_on_sqlite_upgrade_stops_during_a_concurrent_write_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "TIMEOUT_SECONDS", 1)
    engine = migrated_engine(f"sqlite:///{tmp_path}/users.db")
    downgrade(engine, "0002")
    before = schema_of(engine)
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="locked"):
            upgrade(engine)
    assert (schema_of(engine), revision_of(engine)) == (before, "0002")
    assert upgrade(engine) == HEAD


def test_on_postgresql_no_index_is_created_under_an_exclusive_table_lock(postgres: str) -> None:
    # It reads every row, and logins would wait for it.
    engine = engine_of({"DATABASE_URL": new_database(postgres, "indexes")})
    existing: list[str] = []
    locked: list[str] = []

    def check_locks(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("CREATE") and "INDEX" in statement:
            locked.extend(f"{statement} {name}" for name in existing if name in _exclusively_locked(engine))

    event.listen(engine, "before_cursor_execute", check_locks)
    for revision in REVISIONS:
        migrate(engine, revision)
        existing = [table.name for table in tables_of(engine)]
    assert locked == []


def _exclusively_locked(engine: Engine) -> list[str]:
    """Return the tables that no other transaction can read now."""
    locks = "SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation WHERE mode = 'AccessExclusiveLock'"
    with engine.connect() as connection:
        return [*connection.exec_driver_sql(locks).scalars()]
