"""The migrations, on SQLite and on PostgreSQL: they create the tables of database/tables.py, and remove them."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from database.dialect_options import metadata
from database.errors import DatabaseUnavailable
from database.names import VERSION_TABLE
from database.schema import schema_problem, upgrade
from database.user_editor import UserEditor
from tests.support.migrations import schema_of
from tests.support.stores import all_users, engine_of

ROOT = Path(__file__).resolve().parents[2]
HEAD = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()


@pytest.fixture
def engine(empty_database: str) -> Engine:
    """An engine of a new database without tables."""
    return engine_of({"DATABASE_URL": empty_database}, may_create=True)


def downgrade(engine: Engine) -> None:
    """Undo every migration."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["engine"] = engine
    command.downgrade(config, "base")


def test_migrations_create_the_tables_of_this_version(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_migrations_create_the_constraints_of_this_version(engine: Engine) -> None:
    # Alembic does not compare check constraints, names of keys, or ON DELETE. The database reports them.
    upgrade(engine)
    migrated = schema_of(engine)
    assert migrated.pop("latchkey_alembic_version")
    downgrade(engine)
    metadata.create_all(engine)
    created = schema_of(engine)
    del created["latchkey_alembic_version"]
    assert set(created) == set(metadata.tables)
    assert migrated == created


def test_upgrade_returns_the_new_revision_and_a_second_one_none(engine: Engine) -> None:
    assert upgrade(engine) == HEAD
    UserEditor(engine, "tests").add("zoé", None, "hash", ["user"])
    assert upgrade(engine) is None
    assert [row.roles for row in all_users(UserEditor(engine, "tests").users)] == [("user",)]


def test_database_with_data_can_be_downgraded_and_upgraded_again(engine: Engine) -> None:
    for _ in range(2):
        assert upgrade(engine) == HEAD
        UserEditor(engine, "tests").add("zoé", "zoe@example.org", "hash", ["user", "admin"])
        downgrade(engine)
        assert inspect(engine).get_table_names() == ["latchkey_alembic_version"]


def test_alembic_command_upgrades_the_database_of_database_url(empty_database: str) -> None:
    environ = {"PATH": os.defpath, "DATABASE_URL": empty_database}
    alembic = [sys.executable, "-m", "alembic"]
    for arguments in (["upgrade", "head"], ["check"]):
        run = subprocess.run([*alembic, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
    assert upgrade(engine_of({"DATABASE_URL": empty_database}, may_create=True)) is None


COLUMNS = "id, username, username_folded, email, email_folded, password_hash, active, created_at, updated_at"
USER = f"INSERT INTO latchkey_users ({COLUMNS})"
NOW = "CURRENT_TIMESTAMP, CURRENT_TIMESTAMP"


@pytest.mark.parametrize(
    "statement",
    [
        f"{USER} VALUES (2, 'Zoé', 'zoé', NULL, NULL, 'hash', true, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', 'Z@x', 'z@x', 'hash', true, {NOW})",
        f"{USER} VALUES (1, 'new', 'new', NULL, NULL, 'hash', true, {NOW})",
        f"{USER} VALUES (2, '', '', NULL, NULL, 'hash', true, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', '', '', 'hash', true, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', 'n@x', NULL, 'hash', true, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', NULL, 'n@x', 'hash', true, {NOW})",
        f"{USER} VALUES (2, NULL, 'new', NULL, NULL, 'hash', true, {NOW})",
        f"{USER} VALUES (2, 'new', NULL, NULL, NULL, 'hash', true, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', NULL, NULL, NULL, true, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', NULL, NULL, 'hash', NULL, {NOW})",
        f"{USER} VALUES (2, 'new', 'new', NULL, NULL, 'hash', true, NULL, NULL)",
        "INSERT INTO latchkey_roles (id, name) VALUES (2, 'user')",
        "INSERT INTO latchkey_roles (id, name) VALUES (2, '')",
        "INSERT INTO latchkey_roles (id, name) VALUES (2, NULL)",
        "INSERT INTO latchkey_user_roles (user_id, role_id) VALUES (1, 1)",
        "INSERT INTO latchkey_user_roles (user_id, role_id) VALUES (1, 7)",
        "INSERT INTO latchkey_user_roles (user_id, role_id) VALUES (7, 1)",
    ],
)
def test_database_constraint_rejects_invalid_row(migrated_database: str, statement: str) -> None:
    engine = engine_of({"DATABASE_URL": migrated_database})
    with engine.begin() as connection:
        connection.execute(text(f"{USER} VALUES (1, 'zoé', 'zoé', 'z@x', 'z@x', 'hash', true, {NOW})"))
        connection.execute(text("INSERT INTO latchkey_roles (id, name) VALUES (1, 'user')"))
        connection.execute(text("INSERT INTO latchkey_user_roles (user_id, role_id) VALUES (1, 1)"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("table", ["latchkey_users", "latchkey_roles"])
def test_deleting_a_user_or_role_deletes_its_assignments(migrated_database: str, table: str) -> None:
    engine = engine_of({"DATABASE_URL": migrated_database})
    UserEditor(engine, "tests").add("zoé", None, "hash", ["user"])
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - one of the two above
        assert connection.execute(text("SELECT * FROM latchkey_user_roles")).all() == []


def test_concurrent_upgrades_all_succeed(empty_database: str) -> None:
    command = [sys.executable, "-m", "flask", "database", "upgrade"]
    environ = {"PATH": os.defpath, "DATABASE_URL": empty_database}
    processes = [subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    assert upgrade(engine_of({"DATABASE_URL": empty_database})) is None


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_database_with_another_encoding_than_utf8_is_rejected(postgres: str, tmp_path: Path, encoding: str) -> None:
    with psycopg.connect(f"{postgres}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{tmp_path.name}" ENCODING {encoding} TEMPLATE template0'.encode())
    with pytest.raises(DatabaseUnavailable, match=rf"is {encoding}, not UTF8\. Create another one: "):
        upgrade(engine_of({"DATABASE_URL": f"{postgres}{tmp_path.name}"}))


def test_missing_table_has_a_remedy_and_an_unknown_table_has_another(empty_database: str) -> None:
    engine = engine_of({"DATABASE_URL": empty_database}, may_create=True)
    with pytest.raises(DatabaseUnavailable, match="make migrate"):
        all_users(UserEditor(engine, "tests").users)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE latchkey_users (id INTEGER)")
    found = "has the table latchkey_users, but no schema revision in latchkey_alembic_version"
    with pytest.raises(DatabaseUnavailable, match=f"it {found}. Name another database in DATABASE_URL"):
        upgrade(engine)
    problem = schema_problem(engine)
    assert problem
    assert problem.found == found
