"""A start with a database: an old schema is an error that names the command to run, an outage is not an error."""

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

NO_TABLES = "the database has no tables. Run: make migrate."


def old_schema(revision: str) -> str:
    return f"the database has schema revision {revision}, and this version needs {HEAD}. Run: make migrate."


def table_at_revision(url: str, revision: str) -> dict[str, str]:
    """Return the environment of a user table at this schema revision."""
    environ = {"SECRET_KEY": SECRET_KEY, **user_table(url, [ZOE])}
    downgrade(engine_of(environ), revision)
    return environ


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        create_app(environ)
    return raised.value.lines


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_old_schema_is_a_configuration_error_until_it_is_upgraded(empty_database: str, revision: str) -> None:
    environ = table_at_revision(empty_database, revision)
    assert problems(environ) == [old_schema(revision)]
    upgrade(engine_of(environ))
    assert create_app(environ)


@pytest.mark.parametrize("provider", ["database", "static", "static,database"])
def test_database_without_tables_is_a_configuration_error_for_users_and_sessions(
    empty_database: str, static_environ: dict[str, str], provider: str
) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": provider, "DATABASE_URL": empty_database}
    with engine_of(environ, may_create=True).connect():
        assert problems(environ) == [NO_TABLES]


def test_other_spelling_of_the_provider_of_sessions_is_a_warning(
    migrated_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **user_table(migrated_database, [ZOE])}
    login = {"email": ZOE.email, "password": ZOE.password}
    assert create_app(environ).test_client().post("/api/auth", json=login).status_code == 200
    create_app(environ)
    assert "AUTH_PROVIDER" not in caplog.text
    create_app({**environ, "AUTH_PROVIDER": "providers.sql.provider:open_database"})
    assert "AUTH_PROVIDER does not name database, of which there are sessions" in caplog.text


def test_newer_schema_is_accepted(migrated_database: str) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **user_table(migrated_database, [ZOE])}
    with engine_of(environ).begin() as connection:
        connection.execute(text("UPDATE latchkey_alembic_version SET version_num = '9999'"))
    client = create_app(environ).test_client()
    login = {"email": ZOE.email, "password": ZOE.password}
    assert client.post("/api/auth", json=login).status_code == 200


def test_old_schema_is_reported_with_all_other_problems(tmp_path: Path) -> None:
    environ = table_at_revision(f"sqlite:///{tmp_path}/users.db", "0002")
    wrong = {**environ, "SECRET_KEY": "short", "PASSWORD_MIN_LENGTH": "7", "JWT_LIFETIME_MINUTES": "0"}
    *settings, schema = problems(wrong)
    subjects = [line.partition(" ")[0] for line in settings]
    assert subjects == ["SECRET_KEY", "JWT_LIFETIME_MINUTES", "PASSWORD_MIN_LENGTH"]
    assert schema == old_schema("0002")


@pytest.mark.parametrize("where", ["no file", "no database", "no server"])
def test_unavailable_database_does_not_prevent_a_start(
    postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    urls = {
        "no file": f"sqlite:///{tmp_path}/new.db",
        "no database": f"{postgres}nowhere",
        "no server": f"postgresql://app:the-password@127.0.0.1:{free_port()}/users",
    }
    environ = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": urls[where]}
    client = create_app(environ).test_client()
    assert "the database is unavailable: " in caplog.text
    assert "the-password" not in caplog.text
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
    assert client.post("/api/auth", json={"email": "x", "password": "x"}).status_code == 503


def test_start_creates_no_database_file(tmp_path: Path) -> None:
    create_app({"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": f"sqlite:///{tmp_path}/new.db"})
    assert [*tmp_path.iterdir()] == []


def start_gunicorn(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start gunicorn, which exits because of the configuration."""
    own = {"PATH": os.defpath, "PORT": str(free_port()), **environ}
    command = [sys.executable, "-m", "gunicorn", "--workers", "2"]
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, check=False, text=True, timeout=60)


@pytest.mark.parametrize("revision", ["base", "0002"])
def test_gunicorn_reports_an_old_schema_in_one_message(empty_database: str, revision: str) -> None:
    ended = start_gunicorn(table_at_revision(empty_database, revision))
    problem = NO_TABLES if revision == "base" else old_schema(revision)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"Error: the configuration is invalid.\n  {problem}\n"


def test_server_runs_during_an_outage_and_is_ready_once_the_database_exists(postgres: str) -> None:
    """The server needs no restart if its database is created and migrated only after the start."""
    environ = {"AUTH_PROVIDER": "database", "DATABASE_URL": f"{postgres}comes_later"}

    def status(path: str) -> int:
        with suppress(OSError, HTTPException):
            return server.request("GET", path).status
        return 0

    with gunicorn(environ, workers=2) as address:
        server = Server(address, workers=2)
        assert (status("/health/live"), status("/health/ready")) == (200, 503)
        user_table(new_database(postgres, "comes_later"), [ZOE])
        wait_until(lambda: status("/health/ready") == 200)
        wait_until(lambda: "refresh_token" in server.log_in(ZOE.email, ZOE.password).body)
