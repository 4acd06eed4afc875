"""docs/tutorial.md: every step does what the page shows, in a clone with two terminals and an OpenLDAP server."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.docs.examples import TUTORIAL, Example, add_programs, all_examples, comparable, displayed
from tests.servers.process import free_port
from tests.support.newcomer import Newcomer, block

READY = "/api/auth"
END = "\x1e"


class Tutorial:
    """The two terminals of a reader: one for the service, and one for the other commands."""

    def __init__(self, newcomer: Newcomer) -> None:
        self._newcomer = newcomer
        self._directory_port = str(free_port())
        self._service = ExitStack()
        self._password = ""
        self._shell = subprocess.Popen(
            ["bash"], cwd=newcomer.folder, env=newcomer.environ,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, commands: str) -> str:
        """Run commands of the page in the terminal in which a reader runs them; return what they print."""
        commands = self._newcomer.with_free_port(commands).replace("3890", self._directory_port)
        if "make run" in commands:
            self._serve(commands)
            return ""
        return self._type(commands.replace("YOUR PASSWORD", self._password))

    def close(self) -> None:
        """Stop the service, the shell and the directory."""
        self._service.close()
        self._shell.communicate()
        with suppress(FileNotFoundError):
            os.kill(int((self._newcomer.folder / "directory/slapd.pid").read_text()), signal.SIGTERM)

    def _serve(self, commands: str) -> None:
        self._service.close()
        lines = self._service.enter_context(self._newcomer.serve(commands, READY))
        if printed := re.search(r"^ +password +(\S+)", "\n".join(lines), re.MULTILINE):
            self._password = printed[1]
        self._newcomer.request("curl -s http://127.0.0.1:5000/health/ready")

    def _type(self, commands: str) -> str:
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f"{commands}printf '\\n{END}\\n'\n")
        self._shell.stdin.flush()
        return "".join(iter(self._shell.stdout.readline, f"{END}\n")).removesuffix("\n")


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Tutorial]:
    """A reader of the page in a new clone, whose virtual environment is that of the tests."""
    newcomer = Newcomer(tmp_path, free_port())
    add_programs(tmp_path)
    now = time.time()
    for name in (".made", ".runtime"):
        (tmp_path / ".venv" / name).touch()
        os.utime(tmp_path / ".venv" / name, (now, now))
    tutorial = Tutorial(newcomer)
    yield tutorial
    tutorial.close()


def add_module(app: Path) -> None:
    """Edit app.py as the page says: each line of the page is one of the file, and the new module."""
    text = app.read_text()
    for line in filter(None, block(TUTORIAL, "python", "MODULES").splitlines()):
        before = re.sub(r"orders,|, orders\b", "", line)
        assert text.count(f"{before}\n") == 1, f"app.py has no line: {before}"
        text = text.replace(before, line)
    app.write_text(text)


def test_every_step_of_the_tutorial_prints_what_the_page_shows(tutorial: Tutorial, tmp_path: Path) -> None:
    for example in all_examples(TUTORIAL):
        output = tutorial.run(example.commands)
        if "api/orders.py" in example.commands:
            add_module(tmp_path / "app.py")
        if example.output is not None:
            deadline = time.monotonic() + 60
            while not is_as_shown(output, example) and time.monotonic() < deadline:
                time.sleep(0.5)
                output = tutorial.run(example.commands)  # the page says that it may take two seconds
            assert comparable(displayed(output, example.language)) == comparable(example.output)


def is_as_shown(output: str, example: Example) -> bool:
    """Return whether an output is that of the page."""
    try:
        shown = displayed(output, example.language)
    except ValueError:  # not JSON: a login has failed
        return False
    return comparable(shown) == comparable(example.output or "")
