"""`flask database upgrade` on SQLite and PostgreSQL, and invalid values of DATABASE_URL."""

import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import inspect

from database.schema import HEAD
from database.user_editor import UserEditor
from tests.support.flask_program import ROOT, FlaskProgram, error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import engine_of


@pytest.fixture
def cli(fork_server: ForkServer, tmp_path: Path) -> ForkedFlask:
    """Return the program without a database."""
    return ForkedFlask(fork_server, tmp_path, DATABASE_URL="")


def test_upgrade_creates_the_tables_and_a_second_upgrade_changes_nothing(cli: ForkedFlask, empty_database: str) -> None:
    first = cli("database", "upgrade", DATABASE_URL=empty_database)
    assert (first.returncode, first.stdout, first.stderr) == (0, f"Upgraded the database to revision {HEAD}.\n", "")
    UserEditor(engine_of({"DATABASE_URL": empty_database}), "tests").add("zoé", None, "hash", ["user"])
    second = cli("database", "upgrade", DATABASE_URL=empty_database)
    assert (second.returncode, second.stdout, second.stderr) == (0, "The database is up to date.\n", "")
    assert "zoé" in cli("users", "list", DATABASE_URL=empty_database).stdout


def test_url_is_read_from_a_file(cli: ForkedFlask, empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{empty_database}\n")
    assert cli("database", "upgrade", DATABASE_URL_FILE=str(tmp_path / "url")).returncode == 0
    assert "latchkey_users" in inspect(engine_of({"DATABASE_URL": empty_database})).get_table_names()


def test_upgrade_creates_an_sqlite_file_that_only_its_owner_can_read(cli: ForkedFlask, tmp_path: Path) -> None:
    assert cli("database", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path}/new.db").returncode == 0
    created = (tmp_path / "new.db").stat()
    assert created.st_size > 0
    assert stat.S_IMODE(created.st_mode) == 0o600


def test_only_upgrade_creates_the_sqlite_file(cli: ForkedFlask, tmp_path: Path) -> None:
    ended = cli("users", "list", DATABASE_URL=f"sqlite:///{tmp_path}/new.db")
    assert ended.returncode == 2
    assert "make migrate" in ended.stderr
    assert list(tmp_path.glob("*.db*")) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "DATABASE_URL is not set. Set it to sqlite:///users.db or postgresql://"),
        ("hunter2", "DATABASE_URL is not a URL. Set it to sqlite:///users.db or postgresql://"),
        ("mysql://root:hunter2@host/x", "DATABASE_URL names neither an SQLite file nor a PostgreSQL database"),
        ("sqlite://", "DATABASE_URL names neither an SQLite file nor a PostgreSQL database"),
        ("sqlite:////nowhere/users.db", "the folder /nowhere does not exist. Create it, or correct DATABASE_URL"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "the database cannot be used: "),
        ("postgresql://app:hunter2@127.0.0.1:port/x", "DATABASE_URL is not a URL."),
        ("postgresql://app:hunter2@127.0.0.1:1/x?foo=1", "DATABASE_URL has an unknown or repeated parameter after"),
    ],
)
def test_unusable_database_url_is_an_error_with_a_remedy(cli: ForkedFlask, url: str, message: str) -> None:
    error = error_line(cli("database", "upgrade", DATABASE_URL=url))
    assert message in error
    assert "hunter2" not in error


def test_file_that_is_not_a_database_is_an_error(cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database, but long enough for its header " * 100)
    error = error_line(cli("database", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path}/x.db"))
    assert "x.db is not an SQLite database" in error


def test_database_of_a_newer_version_is_not_upgraded(cli: ForkedFlask, empty_database: str) -> None:
    cli("database", "upgrade", DATABASE_URL=empty_database)
    with engine_of({"DATABASE_URL": empty_database}).begin() as connection:
        connection.exec_driver_sql("UPDATE latchkey_alembic_version SET version_num = '9999'")
    assert error_line(cli("database", "upgrade", DATABASE_URL=empty_database))


@pytest.mark.parametrize(
    "arguments",
    [
        ("database",),
        ("database", "downgrade"),
        ("database", "downgrade", "9999", "--yes"),
        ("database", "upgrade", "head"),
        ("database", "check", "x"),
    ],
)
def test_wrong_usage_shows_the_usage(cli: ForkedFlask, arguments: tuple[str, ...]) -> None:
    ended = cli(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Usage: ")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a copy of the program and a development file."""
    for name in ("api", "cli", "config", "database", "providers", "services"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///of-the-${HOME}-file.db\n")
    return tmp_path


# Flask also reads the `.env` of the working directory, before any code of this project runs.
@pytest.mark.parametrize(
    ("environ", "created"),
    [
        ({}, "of-the-${HOME}-file.db"),
        ({"DATABASE_URL": "sqlite:///x.db"}, "x.db"),
        ({"DATABASE_URL_FILE": "url"}, "y.db"),
    ],
)
def test_environment_overrides_the_development_file_and_relative_paths_begin_at_the_checkout(
    project: Path, environ: dict[str, str], created: str
) -> None:
    folder = project / "another folder"
    folder.mkdir()
    (folder / "url").write_text("sqlite:///y.db")
    flask = FlaskProgram(folder, PYTHONPATH=str(project), HOME="root", DATABASE_URL=None)
    ended = flask("database", "upgrade", **environ)
    assert ended.returncode == 0, ended.stderr
    assert [*project.rglob("*.db")] == [project / created]
