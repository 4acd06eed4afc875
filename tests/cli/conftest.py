"""The program on a new user table: `flask` on SQLite, and `anywhere` on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from database.tables import metadata
from database.user_editor import UserEditor
from tests.support.forked_flask import Forked, Source
from tests.support.stores import SECRET_KEY, engine_of, user_table


@pytest.fixture(scope="session")
def source() -> Iterator[Source]:
    """Where runs of the program are forked from."""
    made = Source()
    yield made
    made.end()


@pytest.fixture
def here(tmp_path: Path) -> str:
    """The URL of an SQLite database with tables and nobody in them."""
    return user_table(f"sqlite:///{tmp_path}/users.db", [])["DATABASE_URL"]


@pytest.fixture
def table(here: str) -> UserEditor:
    """The user table in it."""
    return UserEditor(engine_of({"DATABASE_URL": here}), "tests")


@pytest.fixture
def flask(source: Source, tmp_path: Path, here: str) -> Forked:
    """The program on that table."""
    return Forked(source, tmp_path, DATABASE_URL=here)


@pytest.fixture
def client(here: str) -> FlaskClient:
    """A client of a service on that table."""
    return client_of(here)


@pytest.fixture
def there(empty_database: str) -> str:
    """The URL of a database with tables and nobody in them, once for each kind."""
    return user_table(empty_database, [])["DATABASE_URL"]


@pytest.fixture
def any_table(there: str) -> UserEditor:
    """The user table in it."""
    return UserEditor(engine_of({"DATABASE_URL": there}), "tests")


@pytest.fixture
def anywhere(source: Source, tmp_path: Path, there: str) -> Forked:
    """The program on that table."""
    return Forked(source, tmp_path, DATABASE_URL=there)


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
