"""`flask keys …` refuses wrong usage, ambiguous keys and unusable directories, and a failure changes nothing."""

import subprocess
from pathlib import Path

import pytest

from services.keys.directory import STATES_FILE
from tests.support.flask_program import ENVIRON, FLASK, error_line
from tests.support.key_commands import Command, generated, rejection, states


@pytest.mark.parametrize("algorithm", ["HS256", "none", "ES384", "es256", ""])
def test_unknown_algorithm_is_a_usage_error(run_keys: Command, keys_path: Path, algorithm: str) -> None:
    ended = run_keys("generate", "--algorithm", algorithm)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Usage: " in ended.stderr
    assert not keys_path.exists()


def test_one_of_several_keys_must_be_named(run_keys: Command) -> None:
    ids = [generated(run_keys("generate"))[0] for _ in range(3)]
    several = "there are several {} keys. Add the id of one of them. See: flask keys list"
    assert rejection(run_keys("rotate")) == several.format("next")
    assert run_keys("rotate", ids[2]).exit_code == 0
    assert run_keys("rotate").stdout.startswith(f"{ids[1]} is now the current key.\n")
    assert rejection(run_keys("retire", "--force")) == several.format("retired")
    assert run_keys("retire", ids[0], "--force").stdout == f"Removed {ids[0]}.\n"
    assert states(run_keys) == [(ids[1], "current"), (ids[2], "retired")]


def test_only_next_keys_can_be_rotated_and_only_retired_keys_removed(run_keys: Command) -> None:
    first = generated(run_keys("generate"))[0]
    assert rejection(run_keys("rotate")) == "there is no next key. Run: flask keys generate"
    assert rejection(run_keys("retire", "--force")) == "there is no retired key. Run: flask keys rotate"
    second = generated(run_keys("generate"))[0]
    assert second[20:] not in first
    assert rejection(run_keys("rotate", second[20:])).startswith("no key id begins with ")
    for key in (first, "nothing", "-x", "--"):
        assert run_keys("retire", "--force", key).exit_code == 2
    assert rejection(run_keys("retire", second)) == f"{second} is a next key, not a retired key. See: flask keys list"
    assert rejection(run_keys("rotate", first)) == f"{first} is a current key, not a next key. See: flask keys list"
    assert states(run_keys) == [(second, "next"), (first, "current")]
    assert run_keys("retire", second, "--force").stdout == f"Removed {second}.\n"
    assert states(run_keys) == [(first, "current")]


@pytest.mark.parametrize("arguments", [(), ("rotate", "a", "b"), ("retire", "--now"), ("list", "x"), ("generate", "x")])
def test_wrong_usage_is_a_usage_error(run_keys: Command, arguments: tuple[str, ...]) -> None:
    run_keys("generate")
    ended = run_keys(*arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")


@pytest.mark.parametrize("name", ["generate", "list", "rotate", "retire"])
def test_missing_setting_is_an_error_with_a_remedy(run_keys: Command, name: str) -> None:
    output = rejection(run_keys(name, SIGNING_KEYS_DIR=""))
    assert output.startswith("SIGNING_KEYS_DIR is not set. Set it to the path of a directory of private keys")


@pytest.mark.parametrize("name", ["generate", "list", "rotate", "retire"])
def test_unusable_directory_is_an_error(run_keys: Command, keys_path: Path, name: str) -> None:
    run_keys("generate")
    (keys_path / STATES_FILE).write_text("hunter2")
    assert rejection(run_keys(name)) == "SIGNING_KEYS_DIR, states.json is invalid."
    (keys_path / STATES_FILE).unlink()
    next(keys_path.glob("*.pem")).chmod(0o644)
    assert "can be read by other users" in rejection(run_keys(name))


@pytest.mark.parametrize("name", ["list", "retire"])
def test_invalid_token_lifetime_is_an_error(run_keys: Command, name: str) -> None:
    for arguments in (["generate"], ["generate"], ["rotate"]):
        run_keys(*arguments)
    assert rejection(run_keys(name, JWT_LIFETIME_MINUTES="soon")).startswith("JWT_LIFETIME_MINUTES ")


def test_directory_that_cannot_be_created_is_an_error(run_keys: Command) -> None:
    output = rejection(run_keys("generate", SIGNING_KEYS_DIR="/dev/null/keys"))
    assert output == "SIGNING_KEYS_DIR cannot be changed: Not a directory (/dev/null/keys)"


def test_missing_directory_is_named_and_only_generate_creates_it(run_keys: Command, keys_path: Path) -> None:
    assert rejection(run_keys("list")).startswith(
        f"SIGNING_KEYS_DIR names a directory that does not exist ({keys_path})."
    )
    assert run_keys("generate").stderr == f"Created the directory {keys_path}.\n"


@pytest.mark.parametrize("name", ["generate", "rotate"])
def test_failed_write_changes_nothing(run_keys: Command, keys_path: Path, name: str) -> None:
    for _ in range(2):
        generated(run_keys("generate"))
    before = {file.name: file.read_bytes() for file in keys_path.iterdir()}
    # No file may grow, so nothing can be written, not even by root.
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *FLASK, "keys", name],
        env={**ENVIRON, "SIGNING_KEYS_DIR": str(keys_path)}, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert error_line(ended) == f"Error: SIGNING_KEYS_DIR cannot be changed: File too large ({keys_path})"
    assert {file.name: file.read_bytes() for file in keys_path.iterdir()} == before


def test_list_shows_the_other_keys_and_fails_without_the_current_key(run_keys: Command, keys_path: Path) -> None:
    first, second = (generated(run_keys("generate"))[0] for _ in range(2))
    (keys_path / f"{first}.pem").unlink()
    ended = run_keys("list")
    assert (ended.exit_code, second in ended.stdout) == (2, True)
    assert "names a current key that is missing, so no key signs. Run: flask keys rotate." in ended.stderr
    assert run_keys("rotate").stdout.splitlines()[0] == f"{second} is now the current key."
    assert states(run_keys) == [(second, "current")]
