"""A start on a database: older tables are refused with the command to run, and an outage keeps nobody."""

import os
import subprocess
import sys
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from sqlalchemy import text

from app import create_app
from config.errors import ConfigurationError
from database.schema import HEAD, REVISIONS, downgrade, upgrade
from tests.conftest import new_database
from tests.servers.gunicorn import ROOT, gunicorn
from tests.servers.process import free_port, wait_until
from tests.servers.workers import Server
from tests.support.stores import SECRET_KEY, engine_of, user_table
from tests.support.users import ZOE

NO_TABLES = "DATABASE_URL cannot be used yet: it has no tables yet. Run: make migrate."


def older(revision: str) -> str:
    return (
        f"DATABASE_URL cannot be used yet: its tables are of revision {revision}, "
        f"and this version needs {HEAD}. Run: make migrate."
    )


def table_at(url: str, revision: str) -> dict[str, str]:
    """Return the environment of a user table as this revision had it."""
    environ = {"SECRET_KEY": SECRET_KEY, **user_table(url, [ZOE])}
    downgrade(engine_of(environ), revision)
    return environ


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        create_app(environ)
    return refused.value.lines


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_older_tables_are_refused_until_they_are_brought_up(empty_database: str, revision: str) -> None:
    environ = table_at(empty_database, revision)
    assert problems(environ) == [older(revision)]
    upgrade(engine_of(environ))
    assert create_app(environ)


@pytest.mark.parametrize("provider", ["database", "static", "static,database"])
def test_a_database_without_tables_is_refused_whatever_is_kept_in_it(
    empty_database: str, static_environ: dict[str, str], provider: str
) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": provider, "DATABASE_URL": empty_database}
    with engine_of(environ, may_create=True).connect():
        assert problems(environ) == [NO_TABLES]


def test_tables_of_a_newer_version_are_fine(empty_database: str) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **user_table(empty_database, [ZOE])}
    with engine_of(environ).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    client = create_app(environ).test_client()
    login = {"email": ZOE.email, "password": ZOE.password}
    assert client.post("/api/auth", json=login).status_code == 200


def test_it_is_told_with_all_that_is_wrong(tmp_path: Path) -> None:
    environ = table_at(f"sqlite:///{tmp_path}/users.db", "0002")
    wrong = {**environ, "SECRET_KEY": "short", "PASSWORD_MIN_LENGTH": "7", "JWT_LIFETIME_MINUTES": "0"}
    told = problems(wrong)
    assert [line.partition(" ")[0] for line in told] == [
        "SECRET_KEY", "JWT_LIFETIME_MINUTES", "PASSWORD_MIN_LENGTH", "DATABASE_URL"
    ]  # fmt: skip


@pytest.mark.parametrize("where", ["no file", "a folder", "no database", "no server"])
def test_a_database_that_cannot_be_asked_keeps_nothing_from_starting(
    postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    urls = {
        "no file": f"sqlite:///{tmp_path}/new.db",
        "a folder": f"sqlite:///{tmp_path}",
        "no database": f"{postgres}nowhere",
        "no server": f"postgresql://app:the-password@127.0.0.1:{free_port()}/users",
    }
    environ = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": urls[where]}
    client = create_app(environ).test_client()
    assert "the database cannot be asked: " in caplog.text
    assert "the-password" not in caplog.text
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
    assert client.post("/api/auth", json={"email": "x", "password": "x"}).status_code == 503


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    create_app({"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": f"sqlite:///{tmp_path}/new.db"})
    assert [*tmp_path.iterdir()] == []


def start(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start gunicorn, which refuses."""
    own = {"PATH": os.defpath, "PORT": str(free_port()), **environ}
    command = [sys.executable, "-m", "gunicorn", "--workers", "2"]
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, check=False, text=True, timeout=60)


@pytest.mark.parametrize("revision", ["base", "0002"])
def test_the_server_refuses_older_tables_with_one_message(empty_database: str, revision: str) -> None:
    ended = start(table_at(empty_database, revision))
    why = NO_TABLES if revision == "base" else older(revision)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"Error: the configuration is invalid.\n  {why}\n"


def test_the_server_serves_while_the_database_is_out_and_is_ready_when_it_is_there(postgres: str) -> None:
    """A database that is made, and migrated, only after the start needs no second one."""
    environ = {"AUTH_PROVIDER": "database", "DATABASE_URL": f"{postgres}comes_later"}

    def status(path: str) -> int:
        with suppress(OSError, HTTPException):
            return server.ask("GET", path).status
        return 0

    with gunicorn(environ, workers=2) as address:
        server = Server(address, workers=2)
        assert (status("/health/live"), status("/health/ready")) == (200, 503)
        user_table(new_database(postgres, "comes_later"), [ZOE])
        wait_until(lambda: status("/health/ready") == 200)
        wait_until(lambda: "refresh_token" in server.log_in(ZOE.email, ZOE.password).body)
