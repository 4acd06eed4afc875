"""The `flask` program, run as by a user or a script."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.log_scan import append_to_log

ROOT = Path(__file__).resolve().parents[2]

FLASK = [sys.executable, "-m", "flask"]
WIDE = {"COLUMNS": "1000"}
"""A terminal that is so wide that no row of a table needs two lines."""
# A variable that is empty takes precedence over the development configuration of this clone.
ENVIRON = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "DATABASE_URL": "", "EXAMPLE_ROUTES": "true", **WIDE}


class FlaskProgram:
    """Runs `flask` in a folder. Its environment has only ENVIRON and the given variables, without those of None."""

    def __init__(self, folder: Path, **environ: str | None) -> None:
        self._folder = folder
        self._environ = {name: value for name, value in {**ENVIRON, **environ}.items() if value is not None}

    def __call__(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments, this standard input, and changed variables."""
        ended = subprocess.run(
            [*FLASK, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            cwd=self._folder, env=self._environ | environ, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        out, err = ended.stdout.decode(), ended.stderr.decode()
        assert "Traceback" not in err, err
        append_to_log(err)
        return subprocess.CompletedProcess(ended.args, ended.returncode, out, err)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start it, and kill it when the context ends; yield the process, whose output can be read."""
        command = [*FLASK, *arguments]
        with subprocess.Popen(
            command, cwd=self._folder, env=self._environ, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def answer_prompts(self, arguments: list[str], *lines: str) -> tuple[int, str, str]:
        """Run it at a terminal and answer its prompts; return the exit code, the prompts, and standard output."""
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [*FLASK, *arguments], cwd=self._folder, env=self._environ,
            stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        shown = b""
        try:
            for line in lines:
                seen = len(shown)
                while not shown[seen:].rstrip().endswith(b":"):
                    shown += os.read(controller, 1024)
                os.write(controller, line.encode() + b"\n")
            output, _ = process.communicate(timeout=60)
            return process.returncode, shown.decode(), output.decode()
        finally:
            process.kill()
            process.wait()
            os.close(controller)


def error_line(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the only line of standard error, after a check that the command failed without other output."""
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    (line,) = ended.stderr.removeprefix("Error: the configuration is invalid.\n").splitlines()
    return line
