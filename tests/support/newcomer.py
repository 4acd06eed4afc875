"""A newcomer: a user with a new clone and a terminal, who runs the commands of the README."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Variables of the developer's environment that would change what the newcomer's commands do.
_CONFIGURATION = re.compile(
    r"^(SECRET|SIGNING|AUTH|JWT|SESSION|REVOCATION|PASSWORD|OAUTH|STATIC|DATABASE|LDAP|FLASK)_"
    r"|^(HOST|PORT|VIRTUAL_ENV|PYTHONPATH)$|^MAKE|^MFLAGS$|^PYTEST"
)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def block(page: str, language: str, part: str) -> str:
    """Return the one block that contains this part."""
    (found,) = [text for text in blocks(page, language) if part in text]
    return found


class Newcomer:
    """A clone in its own folder, and an environment without any configuration of Latchkey."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.environ = {name: value for name, value in os.environ.items() if not _CONFIGURATION.search(name)}
        self.environ["PORT"] = str(port)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in listed.stdout.split("\0"):
            source = ROOT / name
            if source.is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(source.read_bytes())
                (folder / name).chmod(source.stat().st_mode)

    def with_free_port(self, commands: str) -> str:
        """Return the commands with the free port in place of the documented ports."""
        return commands.replace("5000", str(self.port)).replace("8000", str(self.port))

    def run(self, commands: str, stdin: str = "", **environ: str) -> str:
        """Run the commands in a shell; return their standard output."""
        ended = subprocess.run(
            ["bash", "-euc", self.with_free_port(commands)],
            cwd=self.folder, env={**self.environ, **environ}, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    @contextmanager
    def serve(self, commands: str, until: str, **environ: str) -> Iterator[list[str]]:
        """Run a server until it has printed `until`, yield the lines printed so far, then end it with Ctrl-C."""
        process = subprocess.Popen(
            ["bash", "-euc", self.with_free_port(commands)],
            cwd=self.folder, env={**self.environ, "PYTHONUNBUFFERED": "1", **environ},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout
        lines: list[str] = []
        try:
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                if until in line:
                    break
            assert until in (lines[-1] if lines else ""), "\n".join(lines)
            yield lines
        finally:
            os.killpg(process.pid, signal.SIGINT)
            rest, _ = process.communicate(timeout=600)
        assert "Traceback" not in rest, rest

    def request(self, commands: str, **environ: str) -> dict[str, Any]:
        """Run commands that print one JSON response, as soon as the service responds; return the response."""
        (response,) = self.requests(commands, **environ)
        return response

    def requests(self, commands: str, **environ: str) -> list[dict[str, Any]]:
        """Run commands that print JSON responses, one per line, as soon as the service responds; return them."""
        deadline = time.monotonic() + 120
        while True:
            try:
                return [json.loads(line) for line in self.run(commands, **environ).splitlines()]
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
