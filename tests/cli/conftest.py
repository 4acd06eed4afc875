"""The program and its user table: `sqlite_cli` on SQLite, `any_db_cli` on each kind of database, `run_keys` on keys."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from app import create_app
from cli.keys import keys
from database.user_editor import UserEditor
from tests.support import database_contents
from tests.support.flask_program import WIDE
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.key_commands import Command
from tests.support.stores import SECRET_KEY, engine_of, user_table


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of an SQLite database with tables and without users."""
    return user_table(f"sqlite:///{tmp_path}/users.db", [])["DATABASE_URL"]


@pytest.fixture
def sqlite_editor(sqlite_url: str) -> UserEditor:
    """Return the editor of the user table on SQLite."""
    return UserEditor(engine_of({"DATABASE_URL": sqlite_url}), "tests")


@pytest.fixture
def sqlite_cli(fork_server: ForkServer, tmp_path: Path, sqlite_url: str) -> ForkedFlask:
    """Return the program on SQLite."""
    return ForkedFlask(fork_server, tmp_path, DATABASE_URL=sqlite_url)


@pytest.fixture
def client(sqlite_url: str) -> FlaskClient:
    """Return a client of a service on the same SQLite database."""
    return client_of(sqlite_url)


@pytest.fixture
def any_db_url(migrated_database: str) -> str:
    """Return the URL of a database of each kind, with tables and without users."""
    return user_table(migrated_database, [])["DATABASE_URL"]


@pytest.fixture
def any_db_editor(any_db_url: str) -> UserEditor:
    """Return the editor of the user table on each kind of database."""
    return UserEditor(engine_of({"DATABASE_URL": any_db_url}), "tests")


@pytest.fixture
def any_db_cli(fork_server: ForkServer, tmp_path: Path, any_db_url: str) -> ForkedFlask:
    """Return the program on each kind of database."""
    return ForkedFlask(fork_server, tmp_path, DATABASE_URL=any_db_url)


def client_of(url: str) -> FlaskClient:
    """Return a client of a service on this database."""
    environ = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": url}
    return create_app(environ).test_client()


def log_in(client: FlaskClient, login: str, password: str) -> int:
    """Return the status of a login."""
    return client.post("/api/auth", json={"email": login, "password": password}).status_code


def contents(editor: UserEditor) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    return database_contents.contents(editor._engine)  # noqa: SLF001 - no command shows every table


@pytest.fixture
def keys_path(tmp_path: Path) -> Path:
    """The key directory, which does not exist yet."""
    return tmp_path / "keys"


@pytest.fixture
def run_keys(keys_path: Path) -> Command:
    """The commands, in this process, so that its clock can be moved."""

    def run(*arguments: str, **environ: str) -> Result:
        variables = {"SIGNING_KEYS_DIR": str(keys_path), "JWT_LIFETIME_MINUTES": "60", **WIDE, **environ}
        return CliRunner(env=variables).invoke(keys, arguments)

    return run
