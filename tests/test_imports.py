"""A service imports only the libraries that its configuration uses."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from services.keys.directory import KeyDirectory
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE

ROOT = Path(__file__).resolve().parent.parent

UNTIL_FIRST_RESPONSES = """
from app import create_app
client = create_app(os.environ).test_client()
assert [client.get(path).status_code for path in ("/health/live", "/api/protected_route")] == [200, 401]
"""
UNTIL_FIRST_LOGIN = f"""
from app import create_app
client = create_app(os.environ).test_client()
login = client.post("/api/auth", json={{"email": {ZOE.email!r}, "password": {ZOE.password!r}}})
bearer = {{"Authorization": f"Bearer {{login.json['data']}}"}}
assert client.get("/api/protected_route", headers=bearer).status_code == 200
"""
UPGRADE = """
from cli.database import database
database.main(["upgrade"], standalone_mode=False)
"""
MAIN_PROCESS_OF_GUNICORN = """
import runpy
runpy.run_path("gunicorn.conf.py")
"""

OPTIONAL = {
    *("alembic", "ldap3", "limits", "psycopg", "redis", "sqlalchemy"),
    *("argon2", "bcrypt", "ctypes", "passlib", "zxcvbn"),
    *("cryptography", "flask_cors", "jwt", "prometheus_client"),
    *("dotenv", "statistics"),
    *("api.openapi", "cli.terminal", "providers.static"),
    *("sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite"),
}
"""What only some configurations use, or only some requests: passwords, tokens and the description of the API."""

DATABASE = {"AUTH_PROVIDER": "database", "DATABASE_URL": "postgresql://latchkey@127.0.0.1:1/latchkey"}
DIRECTORY = {"AUTH_PROVIDER": "ldap", "LDAP_URL": "ldaps://127.0.0.1", "LDAP_BASE_DN": "dc=example,dc=test"}


def modules(program: str, environ: dict[str, str]) -> set[str]:
    """Return what a program with these settings imports."""
    variables = {"PATH": os.defpath, "SECRET_KEY": SECRET_KEY, **environ}
    report = "import json, os, sys" + program + "print(json.dumps([*sys.modules]))"
    command = [sys.executable, "-c", report]
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=True, text=True, timeout=120)
    return {*json.loads(ended.stdout.splitlines()[-1])}


def imported(environ: dict[str, str]) -> set[str]:
    """Return which of OPTIONAL a service with these settings imports until its first responses."""
    return OPTIONAL & modules(UNTIL_FIRST_RESPONSES, environ)


def test_users_file_needs_no_library(tmp_path: Path) -> None:
    assert imported(users_file(tmp_path / "users.toml", [ZOE])) == {"providers.static"}


def test_secret_that_is_not_hexadecimal_is_estimated(tmp_path: Path) -> None:
    environ = {**users_file(tmp_path / "users.toml", [ZOE]), "SECRET_KEY": secrets.token_urlsafe(48)}
    assert imported(environ) == {"providers.static", "zxcvbn"}


def test_origins_and_metrics_need_their_libraries(tmp_path: Path) -> None:
    environ = {"CORS_ORIGINS": "https://app.example.org", "METRICS_TOKEN": secrets.token_hex(16)}
    used = imported({**users_file(tmp_path / "users.toml", [ZOE]), **environ})
    assert used == {"flask_cors", "prometheus_client", "providers.static"}


def test_directory_of_keys_needs_cryptography(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    KeyDirectory(tmp_path / "keys").add("ES256")
    environ = {
        **users_file(tmp_path / "users.toml", [ZOE]),
        "SECRET_KEY": "",
        "SIGNING_KEYS_DIR": str(tmp_path / "keys"),
    }
    assert imported(environ) == {"bcrypt", "cryptography", "jwt", "providers.static"}


def test_sqlite_needs_no_driver_of_postgresql(tmp_path: Path) -> None:
    assert imported(user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])) == {"sqlalchemy", "sqlalchemy.dialects.sqlite"}


def test_upgrade_of_a_current_schema_needs_neither_alembic_nor_another_driver(tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [])
    assert {"alembic", "psycopg"} & modules(UPGRADE, environ) == set()


@pytest.mark.parametrize(
    ("environ", "used"),
    [
        (DATABASE, {"ctypes", "psycopg", "sqlalchemy", "sqlalchemy.dialects.postgresql"}),
        (DIRECTORY, {"ctypes", "ldap3"}),
    ],
    ids=["PostgreSQL", "directory"],
)
def test_other_stores_need_their_own_library(environ: dict[str, str], used: set[str]) -> None:
    assert imported(environ) == used


def test_workers_of_gunicorn_share_what_a_login_and_a_guarded_route_import(tmp_path: Path) -> None:
    environ = users_file(tmp_path / "users.toml", [ZOE])
    of_worker = modules(UNTIL_FIRST_LOGIN, environ) - modules(MAIN_PROCESS_OF_GUNICORN, environ)
    packages = {
        "api",
        "audit",
        "config",
        "cryptography",
        "flask",
        "jwt",
        "passlib",
        "providers",
        "pydantic",
        "services",
    }
    assert {name for name in of_worker if name.partition(".")[0] in packages} - {"flask.testing"} == set()


def test_main_process_of_gunicorn_does_not_import_the_application(tmp_path: Path) -> None:
    """A reload imports it again."""
    assert "app" not in modules(MAIN_PROCESS_OF_GUNICORN, users_file(tmp_path / "users.toml", [ZOE]))
