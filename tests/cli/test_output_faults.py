"""Output that cannot be written or encoded is a message, and not a traceback."""

import subprocess
from pathlib import Path

import pytest

from database.user_editor import UserEditor
from tests.support.flask_program import ENVIRON, FLASK, FlaskProgram
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE

SERVICE = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database"}
COMMANDS = [("users", "list"), ("users", "list", "--csv"), ("users", "export"), ("guards",), ("doctor",)]


@pytest.mark.parametrize("command", COMMANDS)
def test_full_disk_is_one_line(sqlite_url: str, sqlite_editor: UserEditor, command: tuple[str, ...]) -> None:
    sqlite_editor.add("zoe", None, "hash")
    environ = ENVIRON | SERVICE | {"DATABASE_URL": sqlite_url}
    with open("/dev/full", "w") as full:
        ended = subprocess.run([*FLASK, *command], env=environ, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 2
    assert ended.stderr == b"Error: standard output cannot be used: No space left on device\n"


def test_full_disk_without_a_buffer_is_one_line(sqlite_url: str) -> None:
    environ = ENVIRON | {"DATABASE_URL": sqlite_url, "PYTHONUNBUFFERED": "1"}
    with open("/dev/full", "w") as full:
        ended = subprocess.run([*FLASK, "users", "list"], env=environ, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 2
    assert ended.stderr == b"Error: standard output or a file cannot be used: No space left on device\n"


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_no_color_is_respected(fork_server: ForkServer, tmp_path: Path, no_color: str, *, colored: bool) -> None:
    program = ForkedFlask(fork_server, tmp_path, **users_file(tmp_path / "users.toml", [ZOE]), NO_COLOR=no_color)
    assert ("\x1b[" in program.run_at_terminal("doctor")[1]) == colored


@pytest.mark.parametrize("command", [("users", "list"), ("users", "list", "--csv"), ("users", "list", "--json")])
@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_characters_that_the_output_cannot_encode_are_escaped(
    tmp_path: Path, sqlite_url: str, sqlite_editor: UserEditor, command: tuple[str, ...], encoding: str
) -> None:
    sqlite_editor.add("Łukasz", None, "hash")
    program = FlaskProgram(tmp_path, DATABASE_URL=sqlite_url, PYTHONIOENCODING=encoding)
    ended = program(*command)
    assert ended.returncode == 0
    assert r"\u0141ukasz" in ended.stdout or "Łukasz" in ended.stdout  # click replaces ASCII by UTF-8


def test_doctor_escapes_its_arrow(tmp_path: Path) -> None:
    program = FlaskProgram(tmp_path, DATABASE_URL="", PYTHONIOENCODING="latin-1")
    ended = program("doctor")
    assert (ended.returncode, r"\u2192" in ended.stdout) == (2, True)
