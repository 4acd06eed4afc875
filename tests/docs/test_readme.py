"""What the README tells a newcomer to type works, in a new clone with nothing in it."""

import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import free_port
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd
from tests.support.newcomer import Newcomer, block, blocks
from tests.support.users import ZOE

RUN, LOGIN, GUARDED, TEST = "make run\n", "YOUR PASSWORD", "protected_route_admin", "make test"
REFRESH, LOGOUT = "$REFRESH_TOKEN", "DELETE"
STATIC, TABLE, DIRECTORY, DEPLOYMENT = "STATIC_USERS_FILE=users.toml make run", "make migrate", "LDAP_URL", "gunicorn"
READY = "/api/auth"
PASSWORD = "correct horse battery staple"


def readme(part: str) -> str:
    """Return the block of commands that has this part."""
    return next(text for text in blocks("README.md", "sh") if part in text)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Return somebody who has just cloned the repository."""
    return Newcomer(tmp_path_factory.mktemp("clone"), free_port())


@pytest.fixture(scope="module")
def password(newcomer: Newcomer) -> str:
    """Return the password that the first `make run` printed."""
    with newcomer.serves(readme(RUN), READY) as lines:
        told = re.search(r"^ +password +(\S+)", "\n".join(lines), re.MULTILINE)
        assert told
        login = newcomer.asks(lines[-1])
        assert login["status"] == 200
        guarded = newcomer.asks(readme(GUARDED), TOKEN=login["data"])
        assert guarded == json.loads(blocks("README.md", "json")[1])
    return told[1]


def test_the_first_start_makes_what_is_private(newcomer: Newcomer, password: str) -> None:
    assert len(password) >= 20
    for name in (".env", "development.db"):
        assert stat.S_IMODE((newcomer.folder / name).stat().st_mode) == 0o600
    assert password not in (newcomer.folder / ".env").read_text()
    subprocess.run(["git", "init", "-q"], cwd=newcomer.folder, check=True)
    left = newcomer.types("git add -A && git ls-files")
    assert "README.md" in left
    assert not re.search(r"\.env|\.db|\.venv|egg-info|__pycache__", left)


def test_the_next_start_changes_nothing(newcomer: Newcomer, password: str) -> None:
    before = (newcomer.folder / ".env").read_bytes()
    with newcomer.serves(readme(RUN), READY) as lines:
        assert password not in "\n".join(lines)
        command = readme(LOGIN).replace("YOUR PASSWORD", password)
        assert command.replace(password, "YOUR PASSWORD").strip() == lines[-1].replace(str(newcomer.port), "5000")
        answer = newcomer.asks(command)
        assert set(answer) == set(json.loads(blocks("README.md", "json")[0]))
        next_answer = newcomer.asks(readme(REFRESH), REFRESH_TOKEN=answer["refresh_token"])
        assert set(next_answer) == set(answer)
        assert newcomer.asks(readme(LOGOUT), TOKEN=answer["data"])["status"] == 200
        assert newcomer.asks(readme(GUARDED), TOKEN=next_answer["data"])["code"] == "revoked_token"
    assert (newcomer.folder / ".env").read_bytes() == before
    assert newcomer.types(".venv/bin/flask users list").count("\n") == 2


@pytest.mark.parametrize("command", [".venv/bin/flask run --port 5000", ".venv/bin/python app.py"])
def test_the_tutorials_ways_to_start_work(newcomer: Newcomer, password: str, command: str) -> None:
    with newcomer.serves(f"exec {command}", "Running on"):
        assert newcomer.asks(readme(LOGIN).replace("YOUR PASSWORD", password))["status"] == 200


def test_the_debugger_starts_it(newcomer: Newcomer, password: str) -> None:
    launch = json.loads((newcomer.folder / ".vscode/launch.json").read_text())["configurations"][0]
    python = launch["python"].replace("${workspaceFolder}", ".")
    command = " ".join(["exec", python, "-m", launch["module"], *launch["args"]])
    with newcomer.serves(command, "Running on", FLASK_RUN_PORT=str(newcomer.port)):
        assert newcomer.asks(readme(LOGIN).replace("YOUR PASSWORD", password))["status"] == 200


@pytest.mark.usefixtures("password")
def test_users_in_a_file(newcomer: Newcomer) -> None:
    hashed = newcomer.types(".venv/bin/flask users hash", stdin=f"{PASSWORD}\n").strip()
    toml = re.sub(r'password_hash = ".*"', f'password_hash = "{hashed}"', block("README.md", "toml", "[[users]]"))
    (newcomer.folder / "users.toml").write_text(toml)
    with newcomer.serves(readme(STATIC), READY) as lines:
        answer = newcomer.asks(lines[-1].replace("YOUR LOGIN", "zoe").replace("YOUR PASSWORD", PASSWORD))
    assert answer["status"] == 200


@pytest.mark.usefixtures("password")
def test_users_in_a_table(newcomer: Newcomer) -> None:
    listed = newcomer.types(readme(TABLE), stdin=f"{PASSWORD}\n")
    assert re.search(r"^zoe +zoe@example.org +admin,user +yes", listed, re.MULTILINE)


@pytest.mark.usefixtures("password")
def test_a_table_is_tended_and_taken_in(newcomer: Newcomer) -> None:
    tend, take_in = blocks("docs/users.md", "sh")
    own = "DATABASE_URL=sqlite:///tended.db"
    told = newcomer.types(re.sub(r"DATABASE_URL=\S+", own, tend))
    assert re.search(r"^zoe +zoe@example.org +admin,editor +yes", told, re.MULTILINE)
    assert re.search(r"^argon2id +m=19456 t=2 p=1 +current +1 ", told, re.MULTILINE)
    hashed = newcomer.types(".venv/bin/flask users hash", stdin=f"{PASSWORD}\n").strip()
    (newcomer.folder / "users.csv").write_text(f'username,password_hash,roles\nyan,"{hashed}","user,editor"\n')
    assert "Imported 1 user" in newcomer.types(f"export {own}\n{take_in}")
    assert "yan" in newcomer.types(f"{own} .venv/bin/flask users list")


@pytest.mark.usefixtures("password")
def test_a_folder_of_keys_rotates_and_sessions_end(newcomer: Newcomer) -> None:
    make, rotate, revoke = blocks("docs/tokens.md", "sh")
    assert "current" in newcomer.types(make)
    listed = newcomer.types(f"export SIGNING_KEYS_DIR=keys\n{rotate}")
    assert [re.search(rf" {state} ", listed) is not None for state in ("next", "current", "retired")] == [
        False,
        True,
        True,
    ]
    with newcomer.serves(readme(RUN), READY, SIGNING_KEYS_DIR="keys"):
        login = newcomer.asks(readme(LOGIN).replace("YOUR PASSWORD", "wrong"))
        assert login["code"] == "invalid_credentials"
        assert newcomer.asks("curl -s http://127.0.0.1:5000/.well-known/jwks.json")["keys"][0]["alg"] == "ES256"
    assert re.match(r"Ended \d+ session", newcomer.types(revoke))


@pytest.mark.usefixtures("password")
def test_users_in_a_directory(newcomer: Newcomer, slapd: Slapd, tmp_path: Path) -> None:
    secret = tmp_path / "ldap"
    secret.write_text(f"{SERVICE_PASSWORD}\n")
    commands = (
        readme(DIRECTORY)
        .replace("ldap://directory.example.org", f"ldap://localhost:{slapd.port}")
        .replace("cn=latchkey,ou=system,dc=example,dc=org", SERVICE)
        .replace("/run/secrets/ldap", str(secret))
        .replace("cn=admins", "cn=admin")
        .replace("dc=example,dc=org", SUFFIX)
    )
    with newcomer.serves(commands, READY, LDAP_CA_FILE=slapd.environ()["LDAP_CA_FILE"]) as lines:
        login = newcomer.asks(lines[-1].replace("YOUR LOGIN", ZOE.email).replace("YOUR PASSWORD", ZOE.password))
        assert newcomer.asks(readme(GUARDED), TOKEN=login["data"])["status"] == 200


@pytest.mark.usefixtures("password")
def test_a_deployment(newcomer: Newcomer) -> None:
    with newcomer.serves(readme(DEPLOYMENT).replace("0.0.0.0", "127.0.0.1"), "Listening at"):  # noqa: S104
        login = readme(LOGIN).replace("admin@example.org", "zoe").replace("YOUR PASSWORD", PASSWORD)
        assert newcomer.asks(login)["status"] == 200


@pytest.mark.usefixtures("password")
def test_a_deployment_without_a_key_ends_with_one_message(newcomer: Newcomer) -> None:
    ended = subprocess.run(
        [".venv/bin/gunicorn"],
        cwd=newcomer.folder, env={**newcomer.environ, "SECRET_KEY": "too short", "PORT": "none"},
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "SECRET_KEY" in ended.stderr
    assert "PORT" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "too short" not in ended.stderr


def test_make_test_is_there_and_make_help_lists_it(newcomer: Newcomer) -> None:
    assert "pytest" in newcomer.types(f"make -n {TEST.removeprefix('make ')}")
    told = newcomer.types("make help")
    for target in ("help", "venv", "run", "test", "lint", "bench", "lock", "migrate"):
        assert re.search(rf"^make {target} +\S", told, re.MULTILINE)


def test_every_block_of_commands_is_typed_here() -> None:
    typed = (RUN, LOGIN, GUARDED, REFRESH, LOGOUT, TEST, STATIC, TABLE, DIRECTORY, DEPLOYMENT)
    assert [text for text in blocks("README.md", "sh") if not any(part in text for part in typed)] == []
