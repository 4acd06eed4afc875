"""The `flask` program, run as a person or a script runs it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FLASK = [sys.executable, "-m", "flask"]
ENVIRON = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


class Flask:
    """Runs `flask` in a folder, with nothing in its environment but where our modules are and what is given."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._folder = folder
        self._environ = ENVIRON | environ

    def __call__(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it with arguments, a standard input, and changed variables."""
        ended = subprocess.run(
            [*FLASK, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            cwd=self._folder, env=self._environ | environ, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        out, err = ended.stdout.decode(), ended.stderr.decode()
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(ended.args, ended.returncode, out, err)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Begin to run it, and end it if it has not ended by itself; gives the process, whose output can be read."""
        command = [*FLASK, *arguments]
        with subprocess.Popen(
            command, cwd=self._folder, env=self._environ, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def at_a_terminal(self, arguments: list[str], *lines: str) -> tuple[int, str, str]:
        """Run it at a terminal and answer its prompts; returns its code, what was shown, and its output."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*FLASK, *arguments], cwd=self._folder, env=self._environ,
            stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            for line in lines:
                seen = len(shown)
                while not shown[seen:].rstrip().endswith(b":"):
                    shown += os.read(ours, 1024)
                os.write(ours, line.encode() + b"\n")
            output, _ = process.communicate(timeout=60)
            return process.returncode, shown.decode(), output.decode()
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that refuses, once it is sure that there is nothing else."""
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    (line,) = ended.stderr.removeprefix("Error: the configuration is invalid.\n").splitlines()
    return line
