"""The commands of the README work in a new clone that contains nothing else."""

import json
import re
import socket
import stat
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import free_port
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd
from tests.support.newcomer import Newcomer, block, blocks
from tests.support.users import ZOE

RUN, TEST = "make run\n", "make test"
LOGIN, GUARDED, REFRESH, LOGOUT = "LOGIN=$(", "protected_route_admin", "REFRESH_TOKEN=$(", "-X DELETE"
STATIC, TABLE, DIRECTORY, DEPLOYMENT = "STATIC_USERS_FILE=users.toml make run", "make migrate", "LDAP_URL", "gunicorn"
READY = "/api/auth"
PASSWORD = "correct horse battery staple"
SECRET = "c7f3a1d85e924b06f8d13c7a5be0942671f6ad38e5c20b94"
RESPONSES: list[dict[str, Any]] = [json.loads(text) for text in blocks("README.md", "json")]


def readme(part: str) -> str:
    """Return the first block of commands that contains this part."""
    return next(text for text in blocks("README.md", "sh") if part in text)


def session(password: str, *parts: str, login: str = "admin@example.org") -> str:
    """Return the README's commands for a login with this password, and those of further parts."""
    commands = readme(LOGIN).replace("YOUR PASSWORD", password).replace("admin@example.org", login)
    return commands + "".join(map(readme, parts))


def without_tokens(responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the responses without the values of tokens."""
    return [response | dict.fromkeys({"data", "refresh_token"} & set(response)) for response in responses]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Return a user who has just cloned the repository."""
    return Newcomer(tmp_path_factory.mktemp("clone"), free_port())


@pytest.fixture(scope="module")
def password(newcomer: Newcomer) -> str:
    """Return the password that the first `make run` printed."""
    with newcomer.serve(readme(RUN), READY) as lines:
        printed = re.search(r"^ +password +(\S+)", "\n".join(lines), re.MULTILINE)
        assert printed
        assert newcomer.request(lines[-1])["status"] == 200
        assert newcomer.requests(session(printed[1], GUARDED))[1] == RESPONSES[1]
    return printed[1]


def test_first_start_creates_private_files(newcomer: Newcomer, password: str) -> None:
    assert len(password) >= 20
    for name in (".env", "development.db"):
        assert stat.S_IMODE((newcomer.folder / name).stat().st_mode) == 0o600
    assert password not in (newcomer.folder / ".env").read_text()
    subprocess.run(["git", "init", "-q"], cwd=newcomer.folder, check=True)
    tracked = newcomer.run("git add -A && git ls-files")
    assert "README.md" in tracked
    assert not re.search(r"\.env|\.db|\.venv|egg-info|__pycache__", tracked)


def test_next_start_changes_nothing(newcomer: Newcomer, password: str) -> None:
    before = (newcomer.folder / ".env").read_bytes()
    with newcomer.serve(readme(RUN), READY) as lines:
        assert password not in "\n".join(lines)
        assert f"LOGIN=$({lines[-1]})\n" in newcomer.with_free_port(readme(LOGIN))
    assert (newcomer.folder / ".env").read_bytes() == before
    assert newcomer.run(".venv/bin/flask users list").count("\n") == 2


@pytest.mark.usefixtures("password")
def test_start_on_a_used_port_names_another_one_although_conda_has_set_host(newcomer: Newcomer) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # another program uses the port
            stack.enter_context(socket.create_server(("127.0.0.1", 5000)))
        environ = {**newcomer.environ, "HOST": "x86_64-conda-linux-gnu", "PORT": "5000"}
        ended = subprocess.run(
            ["make", "run"], cwd=newcomer.folder, env=environ, capture_output=True, check=False, text=True
        )
    found = "cannot listen on 127.0.0.1:5000: Address already in use"
    remedy = "Another program uses the port, on macOS often AirPlay Receiver. Set PORT to another one, for example: "
    assert f"Error: {found}. {remedy}PORT=5001 make run\n" in ended.stderr
    assert ended.returncode == 2


def test_session_responds_as_the_readme_shows(newcomer: Newcomer, password: str) -> None:
    with newcomer.serve(readme(RUN), READY):
        responses = newcomer.requests(session(password, GUARDED, REFRESH, LOGOUT, GUARDED))
        assert without_tokens(responses[:4]) == without_tokens(RESPONSES)
        assert responses[4]["code"] == "revoked_token"
        refused = newcomer.request("curl -s http://127.0.0.1:5000/api/auth/me", TOKEN=responses[2]["data"])
        assert refused["code"] == "missing_token"
        me = 'curl -s http://127.0.0.1:5000/api/auth/me -H "Authorization: Bearer $TOKEN"'
        assert newcomer.request(me, TOKEN=responses[2]["data"])["code"] == "revoked_token"


@pytest.mark.parametrize("command", [".venv/bin/flask run --port 5000", ".venv/bin/python app.py"])
def test_service_starts_as_in_the_tutorial(newcomer: Newcomer, password: str, command: str) -> None:
    with newcomer.serve(f"exec {command}", "Running on"):
        assert newcomer.request(session(password))["status"] == 200


def test_debugger_starts_the_service(newcomer: Newcomer, password: str) -> None:
    launch = json.loads((newcomer.folder / ".vscode/launch.json").read_text())["configurations"][0]
    python = launch["python"].replace("${workspaceFolder}", ".")
    command = " ".join(["exec", python, "-m", launch["module"], *launch["args"]])
    with newcomer.serve(command, "Running on", FLASK_RUN_PORT=str(newcomer.port)):
        assert newcomer.request(session(password))["status"] == 200


@pytest.mark.usefixtures("password")
def test_login_with_a_users_file(newcomer: Newcomer) -> None:
    hashed = newcomer.run(".venv/bin/flask users hash", stdin=f"{PASSWORD}\n").strip()
    toml = re.sub(r'password_hash = ".*"', f'password_hash = "{hashed}"', block("README.md", "toml", "[[users]]"))
    (newcomer.folder / "users.toml").write_text(toml)
    with newcomer.serve(readme(STATIC), READY) as lines:
        response = newcomer.request(lines[-1].replace("YOUR LOGIN", "zoe").replace("YOUR PASSWORD", PASSWORD))
    assert response["status"] == 200


@pytest.mark.usefixtures("password")
def test_user_is_added_to_an_sql_table(newcomer: Newcomer) -> None:
    listed = newcomer.run(readme(TABLE), stdin=f"{PASSWORD}\n")
    assert re.search(r"^zoe +zoe@example.org +admin,user +yes", listed, re.MULTILINE)


@pytest.mark.usefixtures("password")
def test_service_signs_with_a_directory_of_keys(newcomer: Newcomer) -> None:
    assert "current" in newcomer.run(block("docs/signing-keys.md", "sh", "export SIGNING_KEYS_DIR"))
    with newcomer.serve(readme(RUN), READY, SIGNING_KEYS_DIR="keys"):
        assert newcomer.request(session("wrong"))["code"] == "invalid_credentials"
        assert newcomer.request("curl -s http://127.0.0.1:5000/.well-known/jwks.json")["keys"][0]["alg"] == "ES256"


@pytest.mark.usefixtures("password")
def test_login_with_a_directory(newcomer: Newcomer, slapd: Slapd, tmp_path: Path) -> None:
    secret = tmp_path / "ldap"
    secret.write_text(f"{SERVICE_PASSWORD}\n")
    secret.chmod(0o600)
    commands = (
        readme(DIRECTORY)
        .replace("ldap://directory.example.org", f"ldap://localhost:{slapd.port}")
        .replace("cn=latchkey,ou=system,dc=example,dc=org", SERVICE)
        .replace("/run/secrets/ldap", str(secret))
        .replace("cn=admins", "cn=admin")
        .replace("dc=example,dc=org", SUFFIX)
    )
    with newcomer.serve(commands, READY, LDAP_CA_FILE=slapd.environ()["LDAP_CA_FILE"]) as lines:
        login = lines[-1].replace("YOUR LOGIN", ZOE.email).replace("YOUR PASSWORD", ZOE.password)
        responses = newcomer.requests(f'LOGIN=$({login})\necho "$LOGIN"\n{readme(GUARDED)}')
        assert [response["status"] for response in responses] == [200, 200]


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("page", ["README.md", "docs/deployment.md", "docs/configuration.md"])
def test_login_with_gunicorn(newcomer: Newcomer, page: str) -> None:
    with newcomer.serve(block(page, "sh", ".venv/bin/gunicorn"), "Listening at"):
        assert newcomer.request(session(PASSWORD, login="zoe"))["status"] == 200


def test_login_of_an_oauth_client_with_gunicorn(newcomer: Newcomer, password: str) -> None:
    commands = block("docs/oauth-clients.md", "sh", ".venv/bin/gunicorn").replace("$(openssl rand -hex 32)", SECRET)
    grant = f"grant_type=password&username=admin&password={password}"
    with newcomer.serve(commands, "Listening at"):
        response = newcomer.request(f"curl -s -u reports:{SECRET} -d '{grant}' http://127.0.0.1:5000/oauth/token")
    assert response["token_type"] == "Bearer"


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("command", ["flask users list", "flask --help", "gunicorn", "python app.py"])
def test_unreadable_settings_are_one_line(newcomer: Newcomer, command: str) -> None:
    file = newcomer.folder / ".env"
    settings = file.read_bytes()
    file.write_bytes(settings + b"# \xff\n")
    program, *arguments = command.split()
    ended = subprocess.run(
        [newcomer.folder / ".venv/bin" / program, *arguments],
        cwd=newcomer.folder, env=newcomer.environ, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    file.write_bytes(settings)
    heading, line = ended.stderr.splitlines()
    assert (ended.returncode, heading) == (2, "Error: the configuration is invalid.")
    assert line.startswith(f"  .env cannot be read: it is not UTF-8 text ({file}). ")


@pytest.mark.usefixtures("password")
def test_gunicorn_with_invalid_settings_ends_with_one_message(newcomer: Newcomer) -> None:
    ended = subprocess.run(
        [".venv/bin/gunicorn"],
        cwd=newcomer.folder, env={**newcomer.environ, "SECRET_KEY": "too short", "PORT": "none"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "SECRET_KEY" in ended.stderr
    assert "PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "too short" not in ended.stderr


def test_make_help_lists_all_targets(newcomer: Newcomer) -> None:
    assert "pytest" in newcomer.run(f"make -n {TEST.removeprefix('make ')}")
    listed = newcomer.run("make help")
    for target in ("help", "venv", "run", "test", "fuzz", "lint", "bench", "docs", "lock", "migrate"):
        assert re.search(rf"^make {target} +\S", listed, re.MULTILINE)


def test_every_block_of_commands_is_tested() -> None:
    tested = (RUN, LOGIN, GUARDED, REFRESH, LOGOUT, TEST, STATIC, TABLE, DIRECTORY, DEPLOYMENT)
    assert [text for text in blocks("README.md", "sh") if not any(part in text for part in tested)] == []
