"""A start says in one line what is in force, or why it fails: once, and not once for each worker."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.gunicorn import ROOT
from tests.servers.process import free_port, running
from tests.support.stores import SECRET_KEY

SHOP = """
from flask import Flask
from api import routes
from app import create_app
from services.auth_guard import auth_guard

def create_shop():
    def init(app):
        @app.get("/forgotten")
        def forgotten(): ...
    routes.init = init
    return create_app()

def create_faulty_shop():
    app = Flask(__name__)
    @app.get("/orders")
    @auth_guard
    def orders(): ...
    return app
"""
GUARD = "auth_guard needs parentheses: @auth_guard() or @auth_guard('admin')"
GUNICORN = [sys.executable, "-m", "gunicorn", "--log-level=error"]


@pytest.fixture
def environ(static_environ: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    (tmp_path / "shop.py").write_text(SHOP)
    own = {"PATH": os.defpath, "SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", "PORT": str(free_port())}
    own["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(tmp_path)])
    return {**own, **static_environ, "EXAMPLE_ROUTES": "true"}


def errors(environ: Mapping[str, str], *command: str) -> tuple[int, str]:
    """Return the exit code and the errors of a command that must end by itself."""
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False, text=True, timeout=60)
    return ended.returncode, ended.stderr


@contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_python_app_reports_an_address_that_cannot_be_used(environ: dict[str, str]) -> None:
    with taken(int(environ["PORT"])):
        code, shown = errors(environ, sys.executable, "app.py")
    assert code == 2
    assert shown.splitlines()[-1].startswith(
        f"Error: cannot listen on 127.0.0.1:{environ['PORT']}: Address already in use."
    )


def test_address_that_cannot_be_used_is_one_line(environ: dict[str, str]) -> None:
    with taken(int(environ["PORT"])):
        code, shown = errors(environ, *GUNICORN)
    address = f"127.0.0.1:{environ['PORT']}"
    begin = f"Error: cannot listen on {address}: Address already in use. Another program uses the port, "
    assert (code, shown.startswith(begin), shown.count("\n")) == (2, True, 1), shown
    code, shown = errors({**environ, "HOST": "no-such-host.invalid"}, *GUNICORN)
    begin = f"Error: cannot listen on no-such-host.invalid:{environ['PORT']}: Name or service not known. Set HOST to "
    assert (code, shown.startswith(begin), shown.count("\n")) == (2, True, 1), shown


def test_misused_guard_is_one_line_with_its_place(environ: dict[str, str], tmp_path: Path) -> None:
    line = f"Error: {tmp_path}/shop.py, line 17: {GUARD}"
    for command in ("run", "guards"):
        flask = [sys.executable, "-m", "flask", "--app", "shop:create_faulty_shop", command]
        assert errors(environ, *flask) == (2, f"{line}\n")
    code, shown = errors(environ, *GUNICORN, "--workers=1", "shop:create_faulty_shop()")
    assert (code, shown.splitlines()[0]) == (4, line)
    assert "Traceback" not in shown


def test_start_reports_what_is_in_force_and_each_unmarked_route_once(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "log"
    command = [sys.executable, "-m", "gunicorn", "--workers=2", "shop:create_shop()"]
    with path.open("wb") as log:
        more = {"LDAP_URI": "ldap://x", "DATABASE_URL": f"sqlite:///{tmp_path}/missing.db"}
        process = subprocess.Popen(command, cwd=ROOT, env={**environ, **more}, stderr=log)

    def has_started() -> bool:
        return path.read_text().count("Booting worker") >= 2 and "/forgotten" in path.read_text()

    with running(process, has_started):
        time.sleep(1)  # for the lines of the other worker
    lines = [line for line in path.read_text().splitlines() if "gunicorn.error" not in line]
    unavailable, in_force, misspelled, unmarked = [line.partition("start_report: ")[2] for line in lines]
    missing = f"{tmp_path}/missing.db"
    assert unavailable.startswith(f"the database is unavailable: {missing} does not exist. ")
    assert in_force.startswith(f"in force: providers: static; database: sqlite {missing}; keys: SECRET_KEY (HS256)")
    assert misspelled == "LDAP_URI is not a setting, and is ignored. The nearest setting is LDAP_URL"
    assert unmarked.startswith("GET /forgotten is not guarded: add @auth_guard() or @public between ")
    assert unmarked.endswith(f"shop.forgotten ({tmp_path}/shop.py, line 9)")


def test_examples_are_not_in_a_deployment(environ: dict[str, str]) -> None:
    environ["EXAMPLE_ROUTES"] = ""  # not set, also if this clone has a development configuration
    shown = subprocess.run(
        [sys.executable, "-m", "flask", "guards"], cwd=ROOT, env=environ, capture_output=True, check=True, text=True
    ).stdout
    assert "/api/auth" in shown
    assert "protected_route" not in shown
