"""An import while other processes change the same table."""

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from cli.operator import operator_name
from database.user_editor import UserEditor
from tests.cli.conftest import contents
from tests.cli.test_users_import import as_csv
from tests.servers.process import wait_until
from tests.support.flask_program import ENVIRON, error_line
from tests.support.foreign_hashes import STRONG
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users

on_postgres = pytest.mark.parametrize("migrated_database", ["postgres"], indirect=True)
on_sqlite = pytest.mark.parametrize("migrated_database", ["sqlite"], indirect=True)

ADD = (
    "INSERT INTO latchkey_users (username, username_folded, password_hash, active, created_at, updated_at)"
    " VALUES ('zoé', 'zoé', 'other', true, now(), now())"
)

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.csv"
    path.write_text(as_csv({"bob": STRONG, "zoé": STRONG, "rejected": "plain"}))
    return path


@contextmanager
def waiting_import(sqlite_cli: ForkedFlask, url: str, file: Path, out: Path) -> Iterator[psycopg.Connection]:
    """Start an import that waits for a transaction that has added one of its users; yield that transaction."""
    with psycopg.connect(url) as connection, psycopg.connect(url, autocommit=True) as watcher:
        connection.execute(ADD)
        sqlite_cli.start("users", "import", file.name, "--keep-going", output=out)
        wait_until(lambda: watcher.execute(BLOCKED).fetchone() == (1,), 60)
        yield connection


@on_postgres
def test_user_added_concurrently_stops_the_import_until_the_next_run(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str, file: Path, tmp_path: Path
) -> None:
    with waiting_import(any_db_cli, migrated_database, file, tmp_path / "output") as connection:
        connection.commit()
        assert any_db_cli.wait().code == 2
    output = (tmp_path / "output").read_text()
    assert output == (
        "Error: another process added one of these users during the import. No user was imported. Run it again\n"
    )
    assert [row.password_hash for row in all_users(any_db_editor.users)] == ["other"]
    assert [path.name for path in tmp_path.iterdir() if "rejected" in path.name] == []
    assert any_db_cli("users", "import", file.name, "--keep-going").returncode == 1
    assert [row.username for row in all_users(any_db_editor.users)] == ["bob", "zoé"]


@on_postgres
@pytest.mark.parametrize("column", ["username", "email"])
def test_username_added_concurrently_as_email_or_vice_versa_stops_the_import(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str, file: Path, column: str
) -> None:
    taken = {"username": ("bob@example.org", None), "email": ("other", "bob")}[column]
    with (
        psycopg.connect(migrated_database) as connection,
        psycopg.connect(migrated_database, autocommit=True) as watcher,
    ):
        connection.execute("LOCK TABLE latchkey_user_roles IN EXCLUSIVE MODE")
        any_db_cli.start("users", "import", file.name, "--keep-going")
        wait_until(lambda: watcher.execute(BLOCKED).fetchone() == (1,), 60)
        any_db_editor.add(*taken, "other")
        connection.rollback()
        assert any_db_cli.wait().code == 2
    assert [row.password_hash for row in all_users(any_db_editor.users)] == ["other"]


@on_postgres
def test_user_of_a_rolled_back_transaction_does_not_stop_the_import(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str, file: Path, tmp_path: Path
) -> None:
    with waiting_import(any_db_cli, migrated_database, file, tmp_path / "output") as connection:
        connection.rollback()
        assert any_db_cli.wait().code == 1
    assert [row.password_hash for row in all_users(any_db_editor.users)] == [STRONG, STRONG]


@on_sqlite
def test_locked_sqlite_database_is_an_error(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, file: Path, tmp_path: Path
) -> None:
    before = contents(any_db_editor)
    with closing(sqlite3.connect(tmp_path / "migrated.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        error = error_line(any_db_cli("users", "import", file.name))
    assert error.startswith("Error: the database cannot be used: database is locked")
    assert error.endswith("try again. No user was imported")
    assert contents(any_db_editor) == before


def test_one_of_two_concurrent_imports_of_a_file_succeeds(
    fork_server: ForkServer, any_db_editor: UserEditor, migrated_database: str, tmp_path: Path
) -> None:
    names = [f"user{number}" for number in range(6_000)]
    (tmp_path / "many.csv").write_text(as_csv(dict.fromkeys(names, STRONG)))
    environ = {**ENVIRON, "DATABASE_URL": migrated_database}
    command = [*fork_server.command, "users", "import", "many.csv", "--json"]
    runs = [
        subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    ended = [(run.communicate(timeout=60), run.returncode) for run in runs]
    assert not [error for (_, error), _ in ended if b"Traceback" in error]
    imported = [b'"imported": 6000' in output for (output, _), _ in ended]
    assert sorted(imported) == [False, True], ended
    codes = {code for (output, _), code in ended if b'"imported": 6000' not in output}
    assert codes <= {0, 2}
    assert [row.username for row in all_users(any_db_editor.users)] == sorted(names)
    events = contents(any_db_editor)["latchkey_audit_events"]
    assert [(event[2], event[3]) for event in events] == [(operator_name({}), "users_imported")]
