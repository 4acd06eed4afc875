"""The help of `--json` names the members that each command prints, and no others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from cli.json_members import JSON_MEMBERS
from tests.cli.conftest import log_in
from tests.cli.test_help import commands
from tests.servers.process import free_port
from tests.servers.redis import redis_server
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import DEFAULT_LIMITS, SECRET_KEY, users_file
from tests.support.users import ZOE

PASSWORD = "lampshade quarry violin 9"
LINES = """\
users add max --email max@example.org --role admin --generate
users set-password max --generate
users add-role max editor
users remove-role max editor
users roles
users change-roles --file names --add editor
users disable max --force
users enable max
users update max --username maximilian
users delete maximilian --yes --force
users hash
users list
users show zoe
users history
users import rejected.csv
users reset zoe
users hash-report
keys list
tokens issue --name backup --role admin
tokens list
tokens list --user zoe
tokens revoke 1
tokens revoke SESSION
tokens revoke --user zoe
throttle list
database check
database prune
providers list
providers check database --login zoe
guards
explain zoe --compare-with database
explain --all --compare-with static
doctor
""".splitlines()
WRONG = {"email": "max", "password": "wrong"}
PROSE = {"also", "a", "each", "number", "of", "otherwise", "service", "session", "table", "the", "token", "with"}
BY_DATA = {"claims", "rows"}
"""The members whose own members are data. Only `users import` has an array `rows`."""


def test_every_command_with_json_is_described() -> None:
    with_json = {path for path, command in commands() if "as_json" in {one.name for one in command.params}}
    assert with_json - {"users export"} == JSON_MEMBERS.keys()


@pytest.fixture
def redis() -> Iterator[str]:
    with redis_server(free_port()) as url:
        yield url


def test_members_are_those_of_the_output(
    *, sqlite_cli: ForkedFlask, client: FlaskClient, sqlite_url: str, tmp_path: Path, redis: str
) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, "THROTTLE_STORAGE_URL": redis, "SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    environ |= users_file(tmp_path / "users.toml", [ZOE]) | {"AUTH_PROVIDER": "database"}
    sqlite_cli("users", "add", "zoe", "--role", "admin", stdin=PASSWORD)
    assert log_in(client, "zoe", PASSWORD) == 200
    (tmp_path / "names").write_text("max\n")
    (tmp_path / "rejected.csv").write_text("username,password_hash\nbob,plain\n")
    sqlite_cli("keys", "generate", **environ)
    environ |= {"DATABASE_URL": sqlite_url, **DEFAULT_LIMITS}
    assert create_app(environ).test_client().post("/api/auth", json=WRONG).status_code == 400
    found: dict[str, set[str]] = {}
    session = ""
    for line in LINES:
        path = next(path for path in JSON_MEMBERS if f"{line} ".startswith(f"{path} "))
        arguments = line.replace("SESSION", session).split()
        printed = sqlite_cli(*arguments, "--json", stdin=PASSWORD, **environ)
        value = json.loads(printed.stdout or printed.stderr)
        session = value[0]["id"] if "--user zoe" in line and isinstance(value, list) else session
        found[path] = found.get(path, set()) | names(value)
    described = {path: set(re.findall(r"(?<![-\w])[a-z_]+", JSON_MEMBERS[path])) for path in found}
    assert {path: members - described[path] for path, members in found.items() if members - described[path]} == {}
    missing = {path: described[path] - members - PROSE for path, members in found.items()}
    assert {path: members for path, members in missing.items() if members} == {}
    assert JSON_MEMBERS.keys() - found.keys() == {"database copy"}  # see test_database_copy.py


def names(value: object) -> set[str]:
    """Return the names of all members of the objects in a JSON value."""
    match value:
        case dict():
            nested = [names(one) for name, one in value.items() if not (name in BY_DATA and isinstance(one, dict))]
            return {*value}.union(*nested)
        case list():
            return set().union(*map(names, value))
        case _:
            return set()
