"""`flask keys …`: keys are generated, rotated and removed, and no key is removed too early."""

import json
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask.testing import FlaskClient

from app import create_app
from cli.operator import operator_name
from services.context import services_of
from services.keys import pem
from tests.support.audit_events import events_in
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.key_commands import WAIT, Command, generated, rejection, states
from tests.support.users import ZOE

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


def guarded_route_status(client: FlaskClient, token: str) -> int:
    return client.get("/api/protected_route", headers={"Authorization": f"Bearer {token}"}).status_code


def test_running_service_follows_a_rotation(
    fork_server: ForkServer, tmp_path: Path, static_environ: dict[str, str]
) -> None:
    flask = ForkedFlask(fork_server, tmp_path, SIGNING_KEYS_DIR="keys", JWT_LIFETIME_MINUTES="60")
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


def test_each_change_of_a_key_is_an_event_with_its_operator(
    run_keys: Command, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (generated(run_keys("generate"))[0] for _ in range(2))
    for arguments in (["rotate"], ["retire", "--force", first]):
        assert run_keys(*arguments).exit_code == 0
    events = [(event["event"], event["kid"], event["operator"]) for event in events_in(caplog)]
    changes = [("key_generated", first), ("key_generated", second), ("key_rotated", second), ("key_removed", first)]
    assert events == [(name, key, operator_name({})) for name, key in changes]


def test_running_service_reports_each_change_of_keys_also_by_hand(
    run_keys: Command, keys_path: Path, static_environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    first = generated(run_keys("generate"))[0]
    app = create_app({**static_environ, "SIGNING_KEYS_DIR": str(keys_path)})
    second = generated(run_keys("generate"))[0]
    changes: list[tuple[Callable[[], object], str | None, str]] = [
        (lambda: None, first, f"+{second} (next)"),
        (lambda: run_keys("rotate"), second, f"{second} (current), {first} (retired)"),
        ((keys_path / f"{first}.pem").unlink, second, f"-{first}"),
        ((keys_path / f"{second}.pem").unlink, None, f"-{second}"),
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


def test_directory_and_keys_are_readable_by_their_owner_only(run_keys: Command, keys_path: Path) -> None:
    generated(run_keys("generate"))
    assert stat.S_IMODE(keys_path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in keys_path.iterdir()] == [0o600]


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_public_key_is_printed_in_pem_format(run_keys: Command, keys_path: Path, algorithm: str) -> None:
    current, following = (generated(run_keys("generate", "--algorithm", algorithm))[0] for _ in range(2))
    for key, arguments in ((current, []), (current, [current[:9]]), (following, [following[:9]])):
        printed = load_pem_public_key(run_keys("public", *arguments).stdout.encode())
        assert printed == pem.read(keys_path / f"{key}.pem").verifying
    assert rejection(run_keys("public", "x" * 43)).startswith("no key id begins with xxx")


@pytest.mark.parametrize("algorithm", pem.ALGORITHMS)
def test_algorithm_can_be_selected(run_keys: Command, algorithm: str) -> None:
    key, *output = generated(run_keys("generate", "--algorithm", algorithm))
    assert output == [algorithm, "current"]
    (listed,) = json.loads(run_keys("list", "--json").stdout)
    assert (listed["key"], listed["algorithm"]) == (key, algorithm)


def test_retired_key_can_be_removed_when_its_last_token_has_expired(run_keys: Command) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        first, second = (generated(run_keys("generate"))[0] for _ in range(2))
        output = run_keys("rotate").stdout
        assert (
            f"{second} is now the current key.\n"
            "The previous key can be removed at 2030-05-01 13:00:02 UTC with: flask keys retire\n"
        ) in output
        clock.shift(timedelta(hours=1, seconds=1))
        output = rejection(run_keys("retire"))
        assert output == f"{first} may have signed tokens that are still valid. Wait until 2030-05-01 13:00:02 UTC"
        assert states(run_keys) == [(second, "current"), (first, "retired")]
        clock.shift(timedelta(seconds=1))
        assert run_keys("retire").stdout == f"Removed {first}.\n"
    assert states(run_keys) == [(second, "current")]


@pytest.mark.parametrize("minutes", ["1", "15", "1440"])
def test_time_of_removal_depends_on_the_lifetime_of_tokens(run_keys: Command, minutes: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for arguments in (["generate"], ["generate"], ["rotate"]):
            assert run_keys(*arguments, JWT_LIFETIME_MINUTES=minutes).exit_code == 0
        clock.shift(timedelta(minutes=int(minutes), seconds=1))
        assert rejection(run_keys("retire", JWT_LIFETIME_MINUTES=minutes))
        clock.shift(timedelta(seconds=1))
        assert run_keys("retire", JWT_LIFETIME_MINUTES=minutes).exit_code == 0


def test_rotation_to_a_new_key_prints_a_warning(run_keys: Command, keys_path: Path) -> None:
    warning = "The key is new: clients that cache the key set may reject its tokens for 5 minutes."
    generated(run_keys("generate"))
    new, _, _ = generated(run_keys("generate"))
    assert warning in run_keys("rotate").stdout
    generated(run_keys("generate"))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        assert warning not in run_keys("rotate").stdout
    assert (keys_path / f"{new}.pem").exists()


def test_list_has_aligned_columns(run_keys: Command, keys_path: Path) -> None:
    keys_path.mkdir()
    assert run_keys("list").stdout == "There are no keys. Run: flask keys generate\n"
    with time_machine.travel(NOON, tick=False):
        first, second = generated(run_keys("generate"))[0], generated(run_keys("generate", "--algorithm", "EdDSA"))[0]
        run_keys("rotate")
        lines = run_keys("list").stdout.splitlines()
    with time_machine.travel(NOON + timedelta(hours=2)):
        assert run_keys("list").stdout.splitlines()[2].split()[-1] == "now"
    assert [re.split(r"  +", line) for line in lines] == [
        ["KEY", "ALGORITHM", "STATE", "SINCE", "REMOVABLE"],
        [second, "EdDSA", "current", "2030-05-01 12:00:00 UTC", "-"],
        [first, "ES256", "retired", "2030-05-01 12:00:00 UTC", "2030-05-01 13:00:02 UTC"],
    ]
    assert len({line.index(line.split()[2]) for line in lines}) == 1


def test_list_as_json(run_keys: Command) -> None:
    with time_machine.travel(NOON, tick=False):
        first, second = (generated(run_keys("generate"))[0] for _ in range(2))
        run_keys("rotate")
        listed = json.loads(run_keys("list", "--json").stdout)
    one = {"algorithm": "ES256", "since": "2030-05-01T12:00:00+00:00"}
    assert listed == [
        {**one, "key": second, "state": "current", "removable_at": None},
        {**one, "key": first, "state": "retired", "removable_at": "2030-05-01T13:00:02+00:00"},
    ]


def add_by_hand(keys_path: Path, begin: str) -> str:
    """Write a key whose id begins with `begin` to the directory; return the id."""
    while not (key := pem.parse(octets := pem.generate("EdDSA"), "x")).id.startswith(begin):
        pass
    (keys_path / "added.pem").write_bytes(octets)
    (keys_path / "added.pem").chmod(0o600)
    return key.id


@pytest.mark.parametrize("length", [1, 4, 43])
def test_key_whose_id_begins_with_a_dash_can_be_named(run_keys: Command, keys_path: Path, length: int) -> None:
    for arguments in (["generate"], ["generate"], ["rotate"], ["retire", "--force"]):
        assert run_keys(*arguments).exit_code == 0
    key = add_by_hand(keys_path, "-")
    assert run_keys("rotate", key[:length]).stdout.startswith(f"{key} is now the current key.\n")
    for arguments in (["retire", "--force"], ["generate"], ["rotate"]):
        assert run_keys(*arguments).exit_code == 0
    assert rejection(run_keys("retire", key[:length])).startswith(f"{key} may have signed tokens")
    assert run_keys("retire", "--force", key[:length]).stdout == f"Removed {key}.\n"
    assert [state for _, state in states(run_keys)] == ["current"]


def test_second_and_third_key_print_a_warning(run_keys: Command) -> None:
    generated(run_keys("generate"))
    for found in ("the current key was generated a moment ago", "there is already a next key"):
        ended = run_keys("generate")
        key = generated(ended)[0]
        assert ended.stderr.startswith(f"Warning: {found}")
        assert f"flask keys retire {key} --force" in ended.stderr


def test_forced_removal_of_a_retired_key_warns_of_next_keys(run_keys: Command) -> None:
    first, second, third = (generated(run_keys("generate"))[0] for _ in range(3))
    run_keys("rotate", third)
    assert run_keys("retire", "--force").stderr == (
        f"Warning: the next key {second} still verifies tokens. If it has leaked, too, run: "
        f"flask keys retire {second} --force\n"
    )
    assert run_keys("retire", second, "--force").stderr == ""
    assert states(run_keys) == [(third, "current")]
    assert first != third


def test_generated_key_replaces_a_deleted_current_key(run_keys: Command, keys_path: Path) -> None:
    first, second = (generated(run_keys("generate"))[0] for _ in range(2))
    run_keys("rotate")
    (keys_path / f"{second}.pem").unlink()
    third, _, state = generated(run_keys("generate"))
    assert state == "current"
    assert states(run_keys) == [(third, "current"), (first, "retired")]
