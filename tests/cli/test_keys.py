"""`flask keys …`: keys are made, take turns and go, and none goes too early."""

import json
import re
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from app import create_app
from cli.keys import keys
from services.keys import pem
from services.keys.directory import STATES
from tests.support.flask_program import ENVIRON, FLASK, Flask, refusal
from tests.support.users import ZOE

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
MADE = re.compile(r"Made ([\w-]{43}) \((\w+)\)\. It is (\w+)\.")
TOLD_TO_WAIT = "In 5 minutes, when everybody knows it: flask keys rotate"
Command = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keys are to be."""
    return tmp_path / "keys"


@pytest.fixture
def command(path: Path) -> Command:
    """The commands, in this process, so that they can travel in time."""

    def run(*arguments: str, **environ: str) -> Result:
        everything = {"SIGNING_KEYS_DIR": str(path), "JWT_LIFETIME_MINUTES": "60", **environ}
        return CliRunner(env=everything).invoke(keys, arguments)

    return run


def made(ended: Result) -> tuple[str, str, str]:
    """Return the id of the key that was made, its algorithm and its state."""
    assert (ended.exit_code, ended.stderr) == (0, "")
    found = MADE.match(ended.stdout)
    assert found
    return found[1], found[2], found[3]


def states(command: Command) -> list[tuple[str, str]]:
    """Return each key and its state, as a script reads them."""
    return [(key["key"], key["state"]) for key in json.loads(command("list", "--json").stdout)]


def refused(ended: Result) -> str:
    """Return the one line that refuses, once it is sure that there is nothing else."""
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.removeprefix("Error: the configuration is invalid.\n").splitlines()
    return line.strip().removeprefix("Error: ")


def guarded(client: FlaskClient, token: str) -> int:
    return client.get("/api/protected_route", headers={"Authorization": f"Bearer {token}"}).status_code


def test_keys_take_turns_while_a_service_runs(tmp_path: Path, static_environ: dict[str, str]) -> None:
    flask = Flask(tmp_path, SIGNING_KEYS_DIR="keys", JWT_LIFETIME_MINUTES="60")
    (first,) = re.findall(r"^Made (.*) \(ES256\)\. It is current\.\n$", flask("keys", "generate").stdout)
    client = create_app({**static_environ, "SIGNING_KEYS_DIR": str(tmp_path / "keys")}).test_client()
    token = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()["data"]
    assert guarded(client, token) == 200
    told = flask("keys", "generate", "--algorithm", "EdDSA").stdout
    (second,) = re.findall(rf"^Made (.*) \(EdDSA\)\. It is next\.\n{TOLD_TO_WAIT}\n$", told)
    assert flask("keys", "rotate").stdout.startswith(f"{second} is current. ")
    assert "has signed tokens that are still good" in refusal(flask("keys", "retire"))
    assert guarded(client, token) == 200
    assert first != second


def test_a_folder_and_its_keys_are_made_for_nobody_else(command: Command, path: Path) -> None:
    made(command("generate"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()] == [0o600]


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_the_algorithm_can_be_chosen(command: Command, algorithm: str) -> None:
    key, *told = made(command("generate", "--algorithm", algorithm))
    assert told == [algorithm, "current"]
    (listed,) = json.loads(command("list", "--json").stdout)
    assert (listed["key"], listed["algorithm"]) == (key, algorithm)


@pytest.mark.parametrize("algorithm", ["HS256", "none", "ES384", "es256", ""])
def test_another_algorithm_is_wrong_usage(command: Command, path: Path, algorithm: str) -> None:
    ended = command("generate", "--algorithm", algorithm)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Usage: " in ended.stderr
    assert not path.exists()


def test_a_retired_key_goes_when_its_last_token_has_expired(command: Command) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first, second = (made(command("generate"))[0] for _ in range(2))
        told = command("rotate").stdout
        assert f"{second} is current. The one before can go at 2030-05-01 13:00:02 UTC: flask keys retire\n" in told
        clock.shift(timedelta(hours=1, seconds=1))
        told = refused(command("retire"))
        assert told == f"{first} has signed tokens that are still good. It can go at 2030-05-01 13:00:02 UTC"
        assert states(command) == [(second, "current"), (first, "retired")]
        clock.shift(timedelta(seconds=1))
        assert command("retire").stdout == f"Removed {first}.\n"
    assert states(command) == [(second, "current")]


@pytest.mark.parametrize("minutes", ["1", "15", "1440"])
def test_when_a_key_can_go_depends_on_how_long_tokens_last(command: Command, minutes: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for arguments in (["generate"], ["generate"], ["rotate"]):
            assert command(*arguments, JWT_LIFETIME_MINUTES=minutes).exit_code == 0
        clock.shift(timedelta(minutes=int(minutes), seconds=1))
        assert refused(command("retire", JWT_LIFETIME_MINUTES=minutes))
        clock.shift(timedelta(seconds=1))
        assert command("retire", JWT_LIFETIME_MINUTES=minutes).exit_code == 0


def test_a_rotation_to_a_key_that_others_may_not_know_is_told(command: Command, path: Path) -> None:
    warning = "It is new. Others who keep the key set may refuse its tokens for up to 5 minutes."
    made(command("generate"))
    new, _, _ = made(command("generate"))
    assert warning in command("rotate").stdout
    made(command("generate"))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        assert warning not in command("rotate").stdout
    assert (path / f"{new}.pem").exists()


def test_the_list_has_columns_that_line_up(command: Command) -> None:
    assert command("list").stdout == "There is no key yet. Run: flask keys generate\n"
    with time_machine.travel(NOON, tick=False):
        first, second = made(command("generate"))[0], made(command("generate", "--algorithm", "EdDSA"))[0]
        command("rotate")
        shown = command("list").stdout.splitlines()
    with time_machine.travel(NOON + timedelta(hours=2)):
        assert command("list").stdout.splitlines()[2].split()[-1] == "now"
    assert [re.split(r"  +", line) for line in shown] == [
        ["KEY", "ALGORITHM", "STATE", "SINCE", "CAN GO"],
        [second, "EdDSA", "current", "2030-05-01 12:00:00 UTC", "-"],
        [first, "ES256", "retired", "2030-05-01 12:00:00 UTC", "2030-05-01 13:00:02 UTC"],
    ]
    assert len({line.index(line.split()[2]) for line in shown}) == 1


def test_the_list_as_json_is_for_scripts(command: Command) -> None:
    assert json.loads(command("list", "--json").stdout) == []
    with time_machine.travel(NOON, tick=False):
        first, second = (made(command("generate"))[0] for _ in range(2))
        command("rotate")
        listed = json.loads(command("list", "--json").stdout)
    one = {"algorithm": "ES256", "since": "2030-05-01T12:00:00+00:00"}
    assert listed == [
        {**one, "key": second, "state": "current", "can_go": None},
        {**one, "key": first, "state": "retired", "can_go": "2030-05-01T13:00:02+00:00"},
    ]


def brought(path: Path, begin: str) -> str:
    """Put a key there whose id begins so; returns the id."""
    while not (key := pem.parse(octets := pem.generate("EdDSA"), "x")).id.startswith(begin):
        pass
    (path / "brought.pem").write_bytes(octets)
    (path / "brought.pem").chmod(0o600)
    return key.id


@pytest.mark.parametrize("length", [1, 4, 43])
def test_a_key_whose_id_begins_with_a_dash_can_be_named(command: Command, path: Path, length: int) -> None:
    for arguments in (["generate"], ["generate"], ["rotate"], ["retire", "--force"]):
        assert command(*arguments).exit_code == 0
    key = brought(path, "-")
    assert command("rotate", key[:length]).stdout.startswith(f"{key} is current. ")
    for arguments in (["retire", "--force"], ["generate"], ["rotate"]):
        assert command(*arguments).exit_code == 0
    assert refused(command("retire", key[:length])).startswith(f"{key} has signed tokens")
    assert command("retire", "--force", key[:length]).stdout == f"Removed {key}.\n"
    assert [state for _, state in states(command)] == ["current"]


def test_one_of_several_keys_has_to_be_named(command: Command) -> None:
    ids = [made(command("generate"))[0] for _ in range(3)]
    several = "there are several {} keys. Name one that `flask keys list` shows"
    assert refused(command("rotate")) == several.format("next")
    assert command("rotate", ids[2]).exit_code == 0
    assert command("rotate").stdout.startswith(f"{ids[1]} is current. ")
    assert refused(command("retire", "--force")) == several.format("retired")
    assert command("retire", ids[0], "--force").stdout == f"Removed {ids[0]}.\n"
    assert states(command) == [(ids[1], "current"), (ids[2], "retired")]


def test_only_a_next_key_can_be_current_and_only_a_retired_one_can_go(command: Command) -> None:
    first = made(command("generate"))[0]
    assert refused(command("rotate")) == "there is no next key. Run: flask keys generate"
    assert refused(command("retire", "--force")) == "there is no retired key. Run: flask keys rotate"
    second = made(command("generate"))[0]
    assert second[20:] not in first
    assert refused(command("rotate", second[20:])).startswith("there is no next key that begins with ")
    for key in (first, "nothing", "-x", "--"):
        assert command("retire", "--force", key).exit_code == 2
    assert refused(command("retire", second)) == f"{second} is next, not retired. See: flask keys list"
    assert refused(command("rotate", first)) == f"{first} is current, not next. See: flask keys list"
    assert states(command) == [(second, "next"), (first, "current")]
    assert command("retire", second, "--force").stdout == f"Removed {second}.\n"
    assert states(command) == [(first, "current")]


@pytest.mark.parametrize("arguments", [(), ("rotate", "a", "b"), ("retire", "--now"), ("list", "x"), ("generate", "x")])
def test_wrong_usage_is_told(command: Command, arguments: tuple[str, ...]) -> None:
    command("generate")
    ended = command(*arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")


@pytest.mark.parametrize("name", ["generate", "list", "rotate", "retire"])
def test_without_a_folder_it_says_what_to_set(command: Command, name: str) -> None:
    told = refused(command(name, SIGNING_KEYS_DIR=""))
    assert told.startswith("SIGNING_KEYS_DIR is not set. Write the path of a folder with private keys")


@pytest.mark.parametrize("name", ["generate", "list", "rotate", "retire"])
def test_a_folder_that_says_nonsense_is_refused(command: Command, path: Path, name: str) -> None:
    command("generate")
    (path / STATES).write_text("hunter2")
    assert refused(command(name)) == "SIGNING_KEYS_DIR cannot be used: states.json cannot be read."
    (path / STATES).unlink()
    next(path.glob("*.pem")).chmod(0o644)
    assert "can be read by others" in refused(command(name))


@pytest.mark.parametrize("name", ["list", "retire"])
def test_a_lifetime_that_cannot_be_used_is_refused(command: Command, name: str) -> None:
    for arguments in (["generate"], ["generate"], ["rotate"]):
        command(*arguments)
    assert refused(command(name, JWT_LIFETIME_MINUTES="soon")).startswith("JWT_LIFETIME_MINUTES cannot be used")


def test_a_folder_that_cannot_be_made_is_told(command: Command) -> None:
    told = refused(command("generate", SIGNING_KEYS_DIR="/dev/null/keys"))
    assert told == "SIGNING_KEYS_DIR cannot be changed: Not a directory"


@pytest.mark.parametrize("name", ["generate", "rotate"])
def test_a_folder_that_cannot_be_written_stays_as_it_is(command: Command, path: Path, name: str) -> None:
    for _ in range(2):
        made(command("generate"))
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    # No file may grow, so nothing can be written, not even by root.
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *FLASK, "keys", name],
        env={**ENVIRON, "SIGNING_KEYS_DIR": str(path)}, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert refusal(ended) == "Error: SIGNING_KEYS_DIR cannot be changed: File too large"
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
