"""The program on a new user table: `flask` on SQLite, and `anywhere` on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from database.engine import open_engine
from database.tables import metadata
from database.user_editor import UserEditor
from tests.cli.forked import Forked, Source
from tests.stores import SECRET_KEY, user_table


@pytest.fixture(scope="session")
def source() -> Iterator[Source]:
    """Where runs of the program are forked from."""
    made = Source()
    yield made
    made.end()


@pytest.fixture
def table(tmp_path: Path) -> UserEditor:
    """An empty user table on SQLite."""
    return _table(f"sqlite:///{tmp_path}/users.db")


@pytest.fixture
def flask(source: Source, tmp_path: Path, table: UserEditor) -> Forked:
    """The program on that table."""
    return Forked(source, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/users.db")


@pytest.fixture
def client(tmp_path: Path, table: UserEditor) -> FlaskClient:
    """A client of a service on that table."""
    return client_of(f"sqlite:///{tmp_path}/users.db")


@pytest.fixture
def any_table(empty_database: str) -> UserEditor:
    """An empty user table, once for each kind of database."""
    return _table(empty_database)


@pytest.fixture
def anywhere(source: Source, tmp_path: Path, any_table: UserEditor, empty_database: str) -> Forked:
    """The program on that table."""
    return Forked(source, tmp_path, DATABASE_URL=empty_database)


def client_of(url: str) -> FlaskClient:
    """Return a client of a service on this database."""
    environ = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": url}
    return create_app(environ).test_client()


def log_in(client: FlaskClient, login: str, password: str) -> int:
    """Return the status of a login."""
    return client.post("/api/auth", json={"email": login, "password": password}).status_code


def contents(table: UserEditor) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    with table._engine.connect() as connection:  # noqa: SLF001 - no command shows all of it
        return {
            each.name: sorted((tuple(row) for row in connection.execute(each.select())), key=repr)
            for each in metadata.sorted_tables
        }


def _table(url: str) -> UserEditor:
    user_table(url, [])
    return UserEditor(open_engine({"DATABASE_URL": url}), "tests")
