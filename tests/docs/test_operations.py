"""What docs/operations.md shows is what the commands say."""

import re
from pathlib import Path

import pytest

from tests.support.flask_program import Flask
from tests.support.newcomer import blocks
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SampleUser

PAGE = "docs/operations.md"
ZOE = SampleUser("zoe", "zoe@example.org", "correct horse battery staple", ("admin", "user"))


@pytest.fixture
def flask(tmp_path: Path) -> Flask:
    """The program on the users file of the README."""
    users_file(tmp_path / "users.toml", [ZOE])
    (tmp_path / "users.toml").chmod(0o600)
    environ = {"AUTH_PROVIDER": "static", "STATIC_USERS_FILE": "users.toml", "DATABASE_URL": ""}
    return Flask(tmp_path, SECRET_KEY=SECRET_KEY, **environ)


@pytest.mark.parametrize("number", [0, 1])
def test_a_command_says_what_the_page_shows(flask: Flask, number: int) -> None:
    command = blocks(PAGE, "sh")[number].split()
    assert command[0] == ".venv/bin/flask"
    assert _timeless(flask(*command[1:]).stdout) == _timeless(blocks(PAGE, "text")[number])


def _timeless(text: str) -> str:
    return re.sub(r" +\d+ ms", " ms", text)
