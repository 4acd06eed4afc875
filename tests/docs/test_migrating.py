"""The pages of docs/migrating/: their commands and code, tried with the applications that users come from."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_refresh_token

from app import create_app
from tests.docs.examples import (
    PASSWORD,
    ROOT,
    SHELL,
    Example,
    add_programs,
    comparable,
    displayed,
    examples,
    run_examples,
)
from tests.servers.process import free_port, listens, running
from tests.servers.slapd import Slapd
from tests.support.fork_server import ForkServer
from tests.support.log_scan import open_log
from tests.support.newcomer import block, blocks
from tests.support.replaced_applications import DJANGO, FLASK_APPBUILDER, TUTORIAL, write_files
from tests.support.sessions import bearer, client_of
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SampleUser

FOLDER = "docs/migrating"
APPBUILDER = os.pathsep.join([str(ROOT), str(Path(sys.prefix, "appbuilder"))])
"""A PYTHONPATH with Flask-AppBuilder, which make installs there."""
ANA = SampleUser("ana", "ana@example.org", PASSWORD, ("admin", "editor"))
BOB = SampleUser("bob", "bob@example.org", PASSWORD)


def write_code(page: str, folder: Path) -> None:
    """Write each block of Python code whose first line is the path of a file."""
    for code in blocks(page, "python"):
        if named := re.match(r"# (\S+\.py)\n", code):
            write_files(folder, {named[1]: code})


def run_page(
    page: str, folder: Path, environ: Mapping[str, str] | None = None, part: slice = slice(None)
) -> Callable[[], None]:
    """Run the commands of a page, or of a part of it. Return a function that compares the outputs with the page."""
    shown = examples(page)[part]
    printed = run_examples(shown, folder, {**SHELL, **(environ or {})})

    def check() -> None:
        for example, output in zip(shown, printed, strict=True):
            if example.output is not None:
                assert comparable(displayed(output, example.language)) == comparable(example.output), output

    return check


def run_python(folder: Path, *arguments: str, **environ: str) -> str:
    """Run Python without Latchkey in its path; return what it prints."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env={"PATH": os.defpath, **environ}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def service(folder: Path, provider: str, **environ: str) -> FlaskClient:
    """Return a client of the service on the user table that a page has filled, or with another provider."""
    stores = {"DATABASE_URL": f"sqlite:///{folder}/users.db", "AUTH_PROVIDER": provider}
    return client_of(stores, **environ)


def log_in(client: FlaskClient, login: str) -> dict[str, Any]:
    """Return the response to a login."""
    members: dict[str, Any] = client.post("/api/auth", json={"email": login, "password": PASSWORD}).get_json()
    return members


CONTRACT = [
    ("post", "/api/auth", {"email": "ana@example.org", "password": "wrong password"}, False),
    ("post", "/api/auth", {"email": "ana@example.org"}, False),
    ("get", "/api/protected_route", None, False),
    ("get", "/api/protected_route", None, True),
    ("get", "/api/protected_route_admin", None, True),
    ("get", "/api/protected_route_super_admin", None, True),
]
"""Requests: the method, the path, the JSON object, and whether the access token is sent."""


def responses(url: str) -> list[tuple[int, str | None]]:
    """Log in, send each request, and return the statuses and the messages."""
    token = requests.post(f"{url}/api/auth", json={"email": ANA.email, "password": PASSWORD}, timeout=60).json()["data"]
    found = []
    for method, path, body, has_token in CONTRACT:
        headers = bearer(token) if has_token else {}
        response = requests.request(method, f"{url}{path}", json=body, headers=headers, timeout=60)
        found.append((response.status_code, response.json()["message"]))
    return found


def run_flask(folder: Path, application: str, **environ: str) -> Any:
    """Return a context with the development server of an application; yields its process."""
    port = environ["PORT"]
    with open_log() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", application, "run", "--port", port],
            cwd=folder, env={"PATH": os.defpath, **environ}, stderr=log, stdout=log,
        )  # fmt: skip
    return running(process, lambda: listens(int(port)))


def test_views_and_clients_of_the_tutorial_stay_unchanged(tmp_path: Path) -> None:
    page, port = f"{FOLDER}/tutorial.md", str(free_port())
    url = f"http://127.0.0.1:{port}"
    write_files(tmp_path, TUTORIAL)
    with run_flask(tmp_path, "app", SECRET_KEY=SECRET_KEY, PORT=port):
        before = responses(url)
    write_code(page, tmp_path)
    add_programs(tmp_path)
    run_page(page, tmp_path, part=slice(2))()
    environ = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "shop.provider:open_provider", "PYTHONPATH": str(ROOT)}
    with run_flask(tmp_path, "shop", PORT=port, **environ):
        run_page(page, tmp_path, {"SERVICE": url}, slice(2, None))()
        assert responses(url) == before


@pytest.fixture
def extended(fork_server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the module of the application with Flask-JWT-Extended, after the commands of its page."""
    page = f"{FOLDER}/flask-jwt-extended.md"
    add_programs(tmp_path, fork_server)
    shown = [*examples(page), Example('echo "$KEY_ID"', "", None, (0, 0))]
    key_id = run_examples(shown, tmp_path, {**SHELL, "JWT_SECRET_KEY": SECRET_KEY})[-1]
    monkeypatch.setenv("KEY_ID", key_id.strip())
    monkeypatch.setenv("JWT_SECRET_KEY", SECRET_KEY)
    module: dict[str, Any] = {"__name__": "shop"}
    exec(block(page, "python", "jwt_required"), module)  # noqa: S102 - the code of this project's own documentation
    return module


def test_flask_jwt_extended_and_latchkey_accept_the_tokens_of_each_other(
    extended: dict[str, Any], tmp_path: Path
) -> None:
    shop: Flask = extended["app"]
    app = create_app({"SECRET_KEY": SECRET_KEY, **users_file(tmp_path / "users.toml", [ANA])})
    token = log_in(app.test_client(), "ana")["data"]
    response = shop.test_client().get("/whoami", headers=bearer(token))
    assert response.json == {"user": "ana", "roles": ["admin", "editor"]}
    with shop.app_context():
        token = extended["issue"]("ana", ["admin"])
    claims = app.test_client().get("/api/auth/me", headers=bearer(token)).get_json()
    assert (claims["data"]["username"], claims["data"]["roles"]) == ("ana", ["admin"]), claims
    with shop.app_context():
        token = create_refresh_token("ana")
    assert app.test_client().get("/api/auth/me", headers=bearer(token)).status_code == 401


def test_users_keep_their_subject_from_a_users_file_to_the_user_table_to_a_directory(
    fork_server: ForkServer, tmp_path: Path, slapd: Slapd
) -> None:
    page = f"{FOLDER}/another-store.md"
    users_file(tmp_path / "users.toml", [ANA, BOB])
    add_programs(tmp_path, fork_server)
    for person in (ANA, SampleUser("robert", BOB.email, PASSWORD, ("user",))):
        slapd.add_person(person)
    environ = {name: value for name, value in slapd.environ().items() if name.startswith("LDAP_")}
    file = {"STATIC_USERS_FILE": str(tmp_path / "users.toml")}
    run_page(page, tmp_path, part=slice(2))()
    former = log_in(service(tmp_path, "static", **file), "ana@example.org")
    more = {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": f"sqlite:///{tmp_path}/users.db", **environ}
    run_page(page, tmp_path, more, slice(2, None))()
    for provider, more in (("database", {}), ("ldap", environ)):
        client = service(tmp_path, provider, **more)
        refresh = client.post("/api/auth/refresh", json={"refresh_token": former["refresh_token"]})
        assert (refresh.status_code, refresh.get_json()["code"]) == (400, "invalid_refresh_token")
        former = log_in(client, "ana@example.org")
        claims = client.get("/api/auth/me", headers=bearer(former["data"])).get_json()["data"]
        assert (claims["sub"], claims["idp"], claims["roles"]) == ("ana", provider, ["admin", "editor"])


class Framework(NamedTuple):
    """An application of a framework with users, and the page that moves them."""

    files: dict[str, str]
    programs: list[list[str]]
    """What creates its users: arguments of Python."""
    exports: int
    """How many of the first examples of the page run where the framework is."""
    roles: list[str]


FRAMEWORKS = {
    "flask-appbuilder": Framework(FLASK_APPBUILDER, [["fill.py"]], 1, ["Admin", "Editor", "admin"]),
    "django": Framework(
        DJANGO,
        [["manage.py", "migrate", "-v", "0"], ["manage.py", "shell", "-c", "exec(open('fill.py').read())"]],
        0,
        ["admin", "editors"],
    ),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_users_of_a_framework_keep_their_password_roles_and_state(
    fork_server: ForkServer, tmp_path: Path, name: str
) -> None:
    framework, page, path = FRAMEWORKS[name], f"{FOLDER}/{name}.md", {"PYTHONPATH": APPBUILDER}
    write_files(tmp_path, framework.files)
    for arguments in framework.programs:
        run_python(tmp_path, *arguments, **path)
    add_programs(tmp_path, fork_server)
    if framework.exports:
        run_page(page, tmp_path, path, slice(framework.exports))()
    run_page(page, tmp_path, part=slice(framework.exports, None))()
    client = service(tmp_path, "database")
    claims = client.get("/api/auth/me", headers=bearer(log_in(client, "ana@example.org")["data"])).get_json()["data"]
    assert (claims["sub"], claims["roles"]) == ("ana", framework.roles)
    assert [log_in(client, login)["status"] for login in ("ana", "bob", "cid")] == [200, 400, 400]
