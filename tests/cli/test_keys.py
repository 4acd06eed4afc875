"""`flask keys …`: keys are generated, rotated and removed, and no key is removed too early."""

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
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask.testing import FlaskClient

from app import create_app
from cli.keys import keys
from cli.operator import operator_name
from services.context import services_of
from services.keys import pem
from services.keys.directory import STATES_FILE
from tests.support.audit_events import events_in
from tests.support.flask_program import ENVIRON, FLASK, WIDE, FlaskProgram, error_line
from tests.support.users import ZOE

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
GENERATED = re.compile(r"Generated (\w+) key ([\w-]{43}) \((\w+)\)\.")
WAIT = "Wait 5 minutes, until clients have fetched the key, then run: flask keys rotate"
Command = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The key directory, which does not exist yet."""
    return tmp_path / "keys"


@pytest.fixture
def command(path: Path) -> Command:
    """The commands, in this process, so that its clock can be moved."""

    def run(*arguments: str, **environ: str) -> Result:
        variables = {"SIGNING_KEYS_DIR": str(path), "JWT_LIFETIME_MINUTES": "60", **WIDE, **environ}
        return CliRunner(env=variables).invoke(keys, arguments)

    return run


def generated(ended: Result) -> tuple[str, str, str]:
    """Return the id of the generated key, its algorithm and its state."""
    assert ended.exit_code == 0
    match = GENERATED.match(ended.stdout)
    assert match
    return match[2], match[3], match[1]


def states(command: Command) -> list[tuple[str, str]]:
    """Return each key and its state, from the JSON output."""
    return [(key["key"], key["state"]) for key in json.loads(command("list", "--json").stdout)]


def rejection(ended: Result) -> str:
    """Return the error, which is the only line of output."""
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.removeprefix("Error: the configuration is invalid.\n").splitlines()
    return line.strip().removeprefix("Error: ")


def guarded_route_status(client: FlaskClient, token: str) -> int:
    return client.get("/api/protected_route", headers={"Authorization": f"Bearer {token}"}).status_code


def test_running_service_follows_a_rotation(tmp_path: Path, static_environ: dict[str, str]) -> None:
    flask = FlaskProgram(tmp_path, SIGNING_KEYS_DIR="keys", JWT_LIFETIME_MINUTES="60")
    (first,) = re.findall(r"^Generated current key (.*) \(ES256\)\.\n$", flask("keys", "generate").stdout)
    client = create_app({**static_environ, "SIGNING_KEYS_DIR": str(tmp_path / "keys")}).test_client()
    token = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()["data"]
    assert guarded_route_status(client, token) == 200
    output = flask("keys", "generate", "--algorithm", "EdDSA").stdout
    (second,) = re.findall(rf"^Generated next key (.*) \(EdDSA\)\.\n{WAIT}\n$", output)
    assert flask("keys", "rotate").stdout.startswith(f"{second} is now the current key.\n")
    assert "may have signed tokens that are still valid" in error_line(flask("keys", "retire"))
    assert guarded_route_status(client, token) == 200
    assert first != second


def test_each_change_of_a_key_is_an_event_with_its_operator(command: Command, caplog: pytest.LogCaptureFixture) -> None:
    first, second = (generated(command("generate"))[0] for _ in range(2))
    for arguments in (["rotate"], ["retire", "--force", first]):
        assert command(*arguments).exit_code == 0
    events = [(event["event"], event["kid"], event["operator"]) for event in events_in(caplog)]
    changes = [("key_generated", first), ("key_generated", second), ("key_rotated", second), ("key_removed", first)]
    assert events == [(name, key, operator_name({})) for name, key in changes]


def test_running_service_reports_each_change_of_keys_also_by_hand(
    command: Command, path: Path, static_environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    first = generated(command("generate"))[0]
    app = create_app({**static_environ, "SIGNING_KEYS_DIR": str(path)})
    second = generated(command("generate"))[0]
    changes: list[tuple[Callable[[], object], str | None, str]] = [
        (lambda: None, first, f"+{second} (next)"),
        (lambda: command("rotate"), second, f"{second} (current), {first} (retired)"),
        ((path / f"{first}.pem").unlink, second, f"-{first}"),
        ((path / f"{second}.pem").unlink, None, f"-{second}"),
    ]
    for change, current, details in changes:
        change()
        caplog.clear()
        with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
            for _ in range(2):
                services_of(app).keys.ring(newest=True)
        (event,) = events_in(caplog)
        expected = {"event": "keys_changed", "kid": current, "details": details}
        assert event == {name: value for name, value in expected.items() if value}


def test_directory_and_keys_are_readable_by_their_owner_only(command: Command, path: Path) -> None:
    generated(command("generate"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()] == [0o600]


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_public_key_is_printed_in_pem_format(command: Command, path: Path, algorithm: str) -> None:
    current, following = (generated(command("generate", "--algorithm", algorithm))[0] for _ in range(2))
    for key, arguments in ((current, []), (current, [current[:9]]), (following, [following[:9]])):
        printed = load_pem_public_key(command("public", *arguments).stdout.encode())
        assert printed == pem.read(path / f"{key}.pem").verifying
    assert rejection(command("public", "x" * 43)).startswith("no key id begins with xxx")


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_algorithm_can_be_selected(command: Command, algorithm: str) -> None:
    key, *output = generated(command("generate", "--algorithm", algorithm))
    assert output == [algorithm, "current"]
    (listed,) = json.loads(command("list", "--json").stdout)
    assert (listed["key"], listed["algorithm"]) == (key, algorithm)


@pytest.mark.parametrize("algorithm", ["HS256", "none", "ES384", "es256", ""])
def test_unknown_algorithm_is_a_usage_error(command: Command, path: Path, algorithm: str) -> None:
    ended = command("generate", "--algorithm", algorithm)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Usage: " in ended.stderr
    assert not path.exists()


def test_retired_key_can_be_removed_when_its_last_token_has_expired(command: Command) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first, second = (generated(command("generate"))[0] for _ in range(2))
        output = command("rotate").stdout
        assert (
            f"{second} is now the current key.\n"
            "The previous key can be removed at 2030-05-01 13:00:02 UTC with: flask keys retire\n"
        ) in output
        clock.shift(timedelta(hours=1, seconds=1))
        output = rejection(command("retire"))
        assert output == f"{first} may have signed tokens that are still valid. Wait until 2030-05-01 13:00:02 UTC"
        assert states(command) == [(second, "current"), (first, "retired")]
        clock.shift(timedelta(seconds=1))
        assert command("retire").stdout == f"Removed {first}.\n"
    assert states(command) == [(second, "current")]


@pytest.mark.parametrize("minutes", ["1", "15", "1440"])
def test_time_of_removal_depends_on_the_lifetime_of_tokens(command: Command, minutes: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for arguments in (["generate"], ["generate"], ["rotate"]):
            assert command(*arguments, JWT_LIFETIME_MINUTES=minutes).exit_code == 0
        clock.shift(timedelta(minutes=int(minutes), seconds=1))
        assert rejection(command("retire", JWT_LIFETIME_MINUTES=minutes))
        clock.shift(timedelta(seconds=1))
        assert command("retire", JWT_LIFETIME_MINUTES=minutes).exit_code == 0


def test_rotation_to_a_new_key_prints_a_warning(command: Command, path: Path) -> None:
    warning = "The key is new: clients that cache the key set may reject its tokens for 5 minutes."
    generated(command("generate"))
    new, _, _ = generated(command("generate"))
    assert warning in command("rotate").stdout
    generated(command("generate"))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        assert warning not in command("rotate").stdout
    assert (path / f"{new}.pem").exists()


def test_list_has_aligned_columns(command: Command, path: Path) -> None:
    path.mkdir()
    assert command("list").stdout == "There are no keys. Run: flask keys generate\n"
    with time_machine.travel(NOON, tick=False):
        first, second = generated(command("generate"))[0], generated(command("generate", "--algorithm", "EdDSA"))[0]
        command("rotate")
        lines = command("list").stdout.splitlines()
    with time_machine.travel(NOON + timedelta(hours=2)):
        assert command("list").stdout.splitlines()[2].split()[-1] == "now"
    assert [re.split(r"  +", line) for line in lines] == [
        ["KEY", "ALGORITHM", "STATE", "SINCE", "REMOVABLE"],
        [second, "EdDSA", "current", "2030-05-01 12:00:00 UTC", "-"],
        [first, "ES256", "retired", "2030-05-01 12:00:00 UTC", "2030-05-01 13:00:02 UTC"],
    ]
    assert len({line.index(line.split()[2]) for line in lines}) == 1


def test_list_as_json(command: Command) -> None:
    with time_machine.travel(NOON, tick=False):
        first, second = (generated(command("generate"))[0] for _ in range(2))
        command("rotate")
        listed = json.loads(command("list", "--json").stdout)
    one = {"algorithm": "ES256", "since": "2030-05-01T12:00:00+00:00"}
    assert listed == [
        {**one, "key": second, "state": "current", "removable_at": None},
        {**one, "key": first, "state": "retired", "removable_at": "2030-05-01T13:00:02+00:00"},
    ]


def add_by_hand(path: Path, begin: str) -> str:
    """Write a key whose id begins with `begin` to the directory; return the id."""
    while not (key := pem.parse(octets := pem.generate("EdDSA"), "x")).id.startswith(begin):
        pass
    (path / "added.pem").write_bytes(octets)
    (path / "added.pem").chmod(0o600)
    return key.id


@pytest.mark.parametrize("length", [1, 4, 43])
def test_key_whose_id_begins_with_a_dash_can_be_named(command: Command, path: Path, length: int) -> None:
    for arguments in (["generate"], ["generate"], ["rotate"], ["retire", "--force"]):
        assert command(*arguments).exit_code == 0
    key = add_by_hand(path, "-")
    assert command("rotate", key[:length]).stdout.startswith(f"{key} is now the current key.\n")
    for arguments in (["retire", "--force"], ["generate"], ["rotate"]):
        assert command(*arguments).exit_code == 0
    assert rejection(command("retire", key[:length])).startswith(f"{key} may have signed tokens")
    assert command("retire", "--force", key[:length]).stdout == f"Removed {key}.\n"
    assert [state for _, state in states(command)] == ["current"]


def test_one_of_several_keys_must_be_named(command: Command) -> None:
    ids = [generated(command("generate"))[0] for _ in range(3)]
    several = "there are several {} keys. Add the id of one of them. See: flask keys list"
    assert rejection(command("rotate")) == several.format("next")
    assert command("rotate", ids[2]).exit_code == 0
    assert command("rotate").stdout.startswith(f"{ids[1]} is now the current key.\n")
    assert rejection(command("retire", "--force")) == several.format("retired")
    assert command("retire", ids[0], "--force").stdout == f"Removed {ids[0]}.\n"
    assert states(command) == [(ids[1], "current"), (ids[2], "retired")]


def test_only_next_keys_can_be_rotated_and_only_retired_keys_removed(command: Command) -> None:
    first = generated(command("generate"))[0]
    assert rejection(command("rotate")) == "there is no next key. Run: flask keys generate"
    assert rejection(command("retire", "--force")) == "there is no retired key. Run: flask keys rotate"
    second = generated(command("generate"))[0]
    assert second[20:] not in first
    assert rejection(command("rotate", second[20:])).startswith("no key id begins with ")
    for key in (first, "nothing", "-x", "--"):
        assert command("retire", "--force", key).exit_code == 2
    assert rejection(command("retire", second)) == f"{second} is a next key, not a retired key. See: flask keys list"
    assert rejection(command("rotate", first)) == f"{first} is a current key, not a next key. See: flask keys list"
    assert states(command) == [(second, "next"), (first, "current")]
    assert command("retire", second, "--force").stdout == f"Removed {second}.\n"
    assert states(command) == [(first, "current")]


@pytest.mark.parametrize("arguments", [(), ("rotate", "a", "b"), ("retire", "--now"), ("list", "x"), ("generate", "x")])
def test_wrong_usage_is_a_usage_error(command: Command, arguments: tuple[str, ...]) -> None:
    command("generate")
    ended = command(*arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")


@pytest.mark.parametrize("name", ["generate", "list", "rotate", "retire"])
def test_missing_setting_is_an_error_with_a_remedy(command: Command, name: str) -> None:
    output = rejection(command(name, SIGNING_KEYS_DIR=""))
    assert output.startswith("SIGNING_KEYS_DIR is not set. Set it to the path of a directory of private keys")


@pytest.mark.parametrize("name", ["generate", "list", "rotate", "retire"])
def test_unusable_directory_is_an_error(command: Command, path: Path, name: str) -> None:
    command("generate")
    (path / STATES_FILE).write_text("hunter2")
    assert rejection(command(name)) == "SIGNING_KEYS_DIR, states.json is invalid."
    (path / STATES_FILE).unlink()
    next(path.glob("*.pem")).chmod(0o644)
    assert "can be read by other users" in rejection(command(name))


@pytest.mark.parametrize("name", ["list", "retire"])
def test_invalid_token_lifetime_is_an_error(command: Command, name: str) -> None:
    for arguments in (["generate"], ["generate"], ["rotate"]):
        command(*arguments)
    assert rejection(command(name, JWT_LIFETIME_MINUTES="soon")).startswith("JWT_LIFETIME_MINUTES ")


def test_directory_that_cannot_be_created_is_an_error(command: Command) -> None:
    output = rejection(command("generate", SIGNING_KEYS_DIR="/dev/null/keys"))
    assert output == "SIGNING_KEYS_DIR cannot be changed: Not a directory (/dev/null/keys)"


def test_missing_directory_is_named_and_only_generate_creates_it(command: Command, path: Path) -> None:
    assert rejection(command("list")).startswith(f"SIGNING_KEYS_DIR names a directory that does not exist ({path}).")
    assert command("generate").stderr == f"Created the directory {path}.\n"


def test_second_and_third_key_print_a_warning(command: Command) -> None:
    generated(command("generate"))
    for found in ("the current key was generated a moment ago", "there is already a next key"):
        ended = command("generate")
        key = generated(ended)[0]
        assert ended.stderr.startswith(f"Warning: {found}")
        assert f"flask keys retire {key} --force" in ended.stderr


@pytest.mark.parametrize("name", ["generate", "rotate"])
def test_failed_write_changes_nothing(command: Command, path: Path, name: str) -> None:
    for _ in range(2):
        generated(command("generate"))
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    # No file may grow, so nothing can be written, not even by root.
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *FLASK, "keys", name],
        env={**ENVIRON, "SIGNING_KEYS_DIR": str(path)}, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert error_line(ended) == f"Error: SIGNING_KEYS_DIR cannot be changed: File too large ({path})"
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


def test_list_shows_the_other_keys_and_fails_without_the_current_key(command: Command, path: Path) -> None:
    first, second = (generated(command("generate"))[0] for _ in range(2))
    (path / f"{first}.pem").unlink()
    ended = command("list")
    assert (ended.exit_code, second in ended.stdout) == (2, True)
    assert "names a current key that is missing, so no key signs. Run: flask keys rotate." in ended.stderr
    assert command("rotate").stdout.splitlines()[0] == f"{second} is now the current key."
    assert states(command) == [(second, "current")]


def test_generated_key_replaces_a_deleted_current_key(command: Command, path: Path) -> None:
    first, second = (generated(command("generate"))[0] for _ in range(2))
    command("rotate")
    (path / f"{second}.pem").unlink()
    third, _, state = generated(command("generate"))
    assert state == "current"
    assert states(command) == [(third, "current"), (first, "retired")]
