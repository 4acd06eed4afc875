"""The service does not start if other users can read files with secrets, or write files that decide who may do what."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from pwd import getpwuid

import pytest

import app
from app import create_app
from config.errors import ConfigurationError, Problem
from config.settings import Settings
from services.keys.directory import KeyDirectory
from services.sensitive_files import require_private_files
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE

CLIENT = f"reports:{SECRET_KEY}".replace(",", ";")  # a comma separates secrets

OWNER = getpwuid(os.geteuid()).pw_name
READABLE = [0o640, 0o644, 0o604, 0o444, 0o440]
WRITABLE = [0o620, 0o602, 0o666, 0o777]


def secret_file(path: Path, content: str, mode: int) -> str:
    path.write_text(content)
    path.chmod(mode)
    return str(path)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", **users_file(tmp_path / "users.toml", [ZOE])}


def refusals(environ: Mapping[str, str]) -> list[str]:
    """Return the problems that prevent a start, after checks that the remedy of each names the setting that works."""
    problems = _problems(lambda: create_app(environ))
    assert all("FILES_INSECURE_PERMISSIONS=true" in str(problem.remedy) for problem in problems)
    assert create_app({**environ, "FILES_INSECURE_PERMISSIONS": "true"})
    return [problem.statement for problem in problems]


def exposed(environ: Mapping[str, str]) -> list[str]:
    """Return the subjects of the problems that `require_private_files` finds."""
    return [problem.subject for problem in _problems(lambda: require_private_files(Settings(environ)))]


def _problems(start: Callable[[], object]) -> tuple[Problem, ...]:
    try:
        start()
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("mode", [*READABLE, *WRITABLE])
@pytest.mark.parametrize("variable", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "OAUTH_CLIENTS", "DATABASE_URL"])
def test_secret_in_a_file_of_other_users_prevents_a_start(
    environ: dict[str, str], tmp_path: Path, variable: str, mode: int
) -> None:
    user_table(f"sqlite:///{tmp_path}/users.db", [])
    text = {"OAUTH_CLIENTS": CLIENT, "DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}.get(variable, CLIENT[8:])
    path = secret_file(tmp_path / "secret", text, mode)
    (tmp_path / "link").symlink_to(path)  # as Kubernetes mounts a secret
    environ = {**environ, variable: "", f"{variable}_FILE": str(tmp_path / "link")}
    (found,) = refusals(environ)
    assert found.startswith(f"{variable}_FILE ")
    assert ("can be written" in found) == bool(mode & 0o022)
    Path(path).chmod(0o400)
    assert refusals(environ) == []


@pytest.mark.parametrize("mode", [*READABLE, *WRITABLE])
def test_users_file_of_other_users_prevents_a_start(environ: dict[str, str], mode: int) -> None:
    Path(environ["STATIC_USERS_FILE"]).chmod(mode)
    (found,) = refusals(environ)
    assert found.startswith("STATIC_USERS_FILE ")
    other_provider = {"AUTH_PROVIDER": "tests.support.custom_providers:AllowAll"}
    assert exposed({**environ, **other_provider}) == []


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_sqlite_file_of_other_users_prevents_a_start(tmp_path: Path, suffix: str) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])}
    assert refusals(environ) == []
    file = tmp_path / f"users.db{suffix}"
    file.touch()
    file.chmod(0o644)
    found = f"has password hashes and sessions, and can be read by other users (owner {OWNER}, mode 0644)"
    assert refusals(environ) == [f"DATABASE_URL, users.db{suffix} {found}"]


def test_new_sqlite_file_is_private_for_every_umask(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    finally:
        os.umask(previous)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {"users.db": 0o600}


def test_private_key_or_key_directory_of_other_users_prevents_a_start(environ: dict[str, str], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(0o700)
    KeyDirectory(keys).add("ES256")
    (key,) = keys.glob("*.pem")
    environ = {**environ, "SECRET_KEY": "", "SIGNING_KEYS_DIR": str(keys)}
    assert refusals(environ) == []
    keys.chmod(0o1777)
    assert refusals(environ) == [
        f"SIGNING_KEYS_DIR belongs to another user, or can be written by other users (owner {OWNER}, mode 1777)"
    ]
    keys.chmod(0o755)
    assert refusals(environ) == []
    key.chmod(0o444)
    assert refusals(environ) == [f"SIGNING_KEYS_DIR, {key.name} can be read by other users"]


def test_role_rules_that_other_users_can_write_prevent_a_start(tmp_path: Path) -> None:
    rules = Path(secret_file(tmp_path / "roles.toml", '[[rules]]\ngroup = "cn=a"\nroles = ["a"]\n', 0o644))
    environ = {"AUTH_PROVIDER": "ldap", "LDAP_ROLE_RULES_FILE": str(rules)}
    assert exposed(environ) == []
    rules.chmod(0o664)
    assert exposed(environ) == ["LDAP_ROLE_RULES_FILE"]


@pytest.mark.parametrize("start", [create_app, app.main], ids=["create_app", "python app.py"])
def test_development_file_of_other_users_prevents_each_start(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    start: Callable[[], object],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    file = Path(secret_file(tmp_path / ".env", "", 0o644))
    monkeypatch.setattr("config.settings.DEVELOPMENT_FILE", file)
    with pytest.raises((ConfigurationError, SystemExit)) as raised:
        start()
    assert ".env has secrets, and can be read by other users" in f"{raised.value} {capsys.readouterr().err}"


def test_private_key_of_a_directory_client_prevents_a_start_if_other_users_can_read_it(tmp_path: Path) -> None:
    key = Path(secret_file(tmp_path / "key.pem", "a private key", 0o600))
    environ = {"AUTH_PROVIDER": "ldap", "LDAP_KEY_FILE": str(key)}
    assert exposed(environ) == []
    key.chmod(0o644)
    assert exposed(environ) == ["LDAP_KEY_FILE"]


def test_development_file_of_other_users_prevents_a_start(tmp_path: Path) -> None:
    file = Path(secret_file(tmp_path / ".env", f"SECRET_KEY={SECRET_KEY}", 0o600))
    require_private_files(Settings({"AUTH_PROVIDER": "static"}, file))
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"\.env has secrets, and can be read by other users"):
        require_private_files(Settings({"AUTH_PROVIDER": "static"}, file))
