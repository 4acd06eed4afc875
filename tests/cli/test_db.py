"""`flask db …` as it is typed, on SQLite and on PostgreSQL."""

import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import inspect

from database.schema import HEAD
from database.user_editor import UserEditor
from tests.support.flask_program import ROOT, Flask, refusal
from tests.support.forked_flask import Forked, Source
from tests.support.stores import engine_of


@pytest.fixture
def flask(source: Source, tmp_path: Path) -> Forked:
    """The program without a database."""
    return Forked(source, tmp_path, DATABASE_URL="")


def test_an_upgrade_makes_the_tables_and_a_second_one_changes_nothing(flask: Forked, empty_database: str) -> None:
    first = flask("db", "upgrade", DATABASE_URL=empty_database)
    assert (first.returncode, first.stdout, first.stderr) == (0, f"The database is now at revision {HEAD}.\n", "")
    UserEditor(engine_of({"DATABASE_URL": empty_database}), "tests").add("zoé", None, "hash", ["user"])
    second = flask("db", "upgrade", DATABASE_URL=empty_database)
    assert (second.returncode, second.stdout, second.stderr) == (0, "The database is up to date.\n", "")
    assert "zoé" in flask("users", "list", DATABASE_URL=empty_database).stdout


def test_the_url_may_be_in_a_file(flask: Forked, empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{empty_database}\n")
    assert flask("db", "upgrade", DATABASE_URL_FILE=str(tmp_path / "url")).returncode == 0
    assert "users" in inspect(engine_of({"DATABASE_URL": empty_database})).get_table_names()


def test_a_relative_sqlite_file_is_made_where_the_command_runs(flask: Forked, tmp_path: Path) -> None:
    assert flask("db", "upgrade", DATABASE_URL="sqlite:///here.db").returncode == 0
    made = (tmp_path / "here.db").stat()
    assert made.st_size > 0
    assert stat.S_IMODE(made.st_mode) == 0o600


def test_only_an_upgrade_makes_a_file(flask: Forked, tmp_path: Path) -> None:
    told = flask("users", "list", DATABASE_URL="sqlite:///here.db")
    assert told.returncode == 2
    assert "make migrate" in told.stderr
    assert list(tmp_path.glob("*.db*")) == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "DATABASE_URL is not set. Write sqlite:///users.db or postgresql://"),
        ("hunter2", "DATABASE_URL cannot be used: it is no URL. Write sqlite:///users.db or postgresql://"),
        ("mysql://root:hunter2@host/x", "DATABASE_URL cannot be used: it names neither"),
        ("sqlite://", "DATABASE_URL cannot be used: it names neither"),
        ("sqlite:////nowhere/hunter2/users.db", "the database cannot be used: unable to open database file"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "the database cannot be used: "),
        ("postgresql://app:hunter2@127.0.0.1:port/x", "DATABASE_URL cannot be used: it is no URL."),
    ],
)
def test_without_a_database_it_says_what_to_do(flask: Forked, url: str, why: str) -> None:
    told = refusal(flask("db", "upgrade", DATABASE_URL=url))
    assert why in told
    assert "hunter2" not in told


def test_a_file_that_is_no_database_is_refused(flask: Forked, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database, but long enough for a header " * 100)
    told = refusal(flask("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path}/x.db"))
    assert "the database cannot be used: file is not a database" in told


def test_a_database_of_a_newer_version_is_refused(flask: Forked, empty_database: str) -> None:
    flask("db", "upgrade", DATABASE_URL=empty_database)
    with engine_of({"DATABASE_URL": empty_database}).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert refusal(flask("db", "upgrade", DATABASE_URL=empty_database))


@pytest.mark.parametrize(
    "arguments",
    [
        ("db",),
        ("db", "downgrade"),
        ("db", "downgrade", "9999", "--yes"),
        ("db", "upgrade", "head"),
        ("db", "check", "x"),
    ],
)
def test_wrong_usage_is_told(flask: Forked, arguments: tuple[str, ...]) -> None:
    ended = flask(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Usage: ")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the program, with a development file of its own."""
    for name in ("api", "cli", "config", "database", "providers", "services"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///of-the-${HOME}-file.db\n")
    return tmp_path


# Flask's own command reads a `.env` where it stands too, before any of our code runs.
@pytest.mark.parametrize(
    ("environ", "made"),
    [
        ({}, "of-the-${HOME}-file.db"),
        ({"DATABASE_URL": "sqlite:///x.db"}, "x.db"),
        ({"DATABASE_URL_FILE": "url"}, "y.db"),
    ],
)
def test_the_development_file_is_beaten_and_never_expanded(project: Path, environ: dict[str, str], made: str) -> None:
    (project / "url").write_text("sqlite:///y.db")
    ended = Flask(project, PYTHONPATH=str(project), HOME="root")("db", "upgrade", **environ)
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in project.glob("*.db")] == [made]
