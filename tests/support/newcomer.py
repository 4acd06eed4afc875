"""Somebody with a new clone and a terminal, who types what the README says."""

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

_OURS = re.compile(
    r"^(SECRET|KEY|AUTH|JWT|SESSION|PASSWORD|OAUTH|STATIC|DATABASE|LDAP|FLASK)_|^(HOST|PORT|VIRTUAL_ENV)$|^MAKE|^MFLAGS$|^PYTEST"
)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def block(page: str, language: str, part: str) -> str:
    """Return the one block that has this part."""
    (found,) = [text for text in blocks(page, language) if part in text]
    return found


class Newcomer:
    """A clone in a folder of its own, with an environment that has nothing of ours in it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.environ = {name: value for name, value in os.environ.items() if not _OURS.search(name)}
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

    def at_our_port(self, commands: str) -> str:
        """Return the commands for the port that is free here."""
        return commands.replace("5000", str(self.port)).replace("8000", str(self.port))

    def types(self, commands: str, stdin: str = "", **environ: str) -> str:
        """Run the commands in a shell as a person would; returns what they print."""
        ended = subprocess.run(
            ["bash", "-euc", self.at_our_port(commands)],
            cwd=self.folder, env={**self.environ, **environ}, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    @contextmanager
    def serves(self, commands: str, until: str, **environ: str) -> Iterator[list[str]]:
        """Run a server until it has printed `until`, then end it by Ctrl-C; yields the lines printed so far."""
        process = subprocess.Popen(
            ["bash", "-euc", self.at_our_port(commands)],
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
            rest, _ = process.communicate(timeout=30)
        assert "Traceback" not in rest

    def asks(self, commands: str, **environ: str) -> dict[str, Any]:
        """Run a curl command, as soon as somebody answers; returns the JSON answer."""
        deadline = time.monotonic() + 20
        while True:
            try:
                answer: dict[str, Any] = json.loads(self.types(commands, **environ))
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return answer
