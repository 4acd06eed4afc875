"""A run of the `flask` program that is forked from the fork server is like a start of the program, for a shell."""

import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.flask_program import ENVIRON
from tests.support.fork_server import ForkServer

SCRIPT = """
umask 027
echo 'correct horse battery staple' | $FLASK users hash | cut -c 1-9
mkdir folder && cd folder
SIGNING_KEYS_DIR=keys $FLASK keys generate --algorithm RS512
echo $?
$FLASK providers new acme
stat -c '%a %n' *
"""


def shown(command: list[str], folder: Path) -> tuple[str, str]:
    """Return the output and the errors of the script with this command as the program."""
    folder.mkdir()
    environ = {**ENVIRON, "FLASK": shlex.join(command)}
    ended = subprocess.run(["sh", "-c", SCRIPT], cwd=folder, env=environ, capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr


def test_output_errors_exit_code_folder_and_permissions_are_those_of_a_start(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    started = shown([f"{sys.prefix}/bin/flask"], tmp_path / "started")
    assert started[0].splitlines()[:2] == ["$argon2id", "2"]
    assert "Usage: flask keys generate" in started[1]
    assert shown(fork_server.command, tmp_path / "forked") == started
