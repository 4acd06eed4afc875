"""The `flask` program, forked from a process that has imported it.

A run is as real as that of FlaskProgram, without the half second that a start takes.
"""

import contextlib
import fcntl
import gc
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.support.flask_program import ENVIRON, ROOT, FlaskProgram
from tests.support.log_scan import append_to_log

PRELOADED = (
    "flask.cli",
    "app",
    "cli.database",
    "cli.doctor",
    "cli.keys",
    "cli.throttle",
    "cli.tokens",
    "cli.users",
    "psycopg",
)
"""What the forks share. Providers are not preloaded, because a command knows the settings of those that it uses."""


class Exit(NamedTuple):
    """The end of a run."""

    code: int
    """The exit code, or the negative number of the signal that ended it."""
    max_kibibytes: int
    """The maximum memory of the process."""


class ForkServer:
    """The process that has imported the program. It runs one fork at a time."""

    def __init__(self) -> None:
        self.running = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, env=ENVIRON, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, arguments: tuple[str, ...], files: list[str], folder: Path, environ: dict[str, str]) -> int:
        """Run the program with these paths as standard input, output and error; return its process id."""
        run = {"arguments": arguments, "files": files, "folder": str(folder), "environ": environ}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(run).encode() + b"\n")
        self._process.stdin.flush()
        self.running = True
        return int(self._receive())

    def wait(self) -> Exit:
        """Return when the latest run has ended."""
        ended = Exit(*self._receive())
        self.running = False
        return ended

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()

    def _receive(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


class ForkedFlask(FlaskProgram):
    """Runs the program as FlaskProgram does, and controls it at a terminal."""

    def __init__(self, fork_server: ForkServer, folder: Path, **environ: str) -> None:
        super().__init__(folder, **environ)
        self._fork_server = fork_server
        self.pid = 0
        """The process id of the latest run."""

    def __call__(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[str]:
        with TemporaryDirectory() as folder:
            files = [Path(folder, name) for name in ("in", "out", "err")]
            for file in files:
                file.touch()
            files[0].write_bytes(stdin.encode() if isinstance(stdin, str) else stdin)
            self.start(*arguments, files=[str(file) for file in files], **environ)
            code = self.wait().code
            out, err = (file.read_bytes().decode() for file in files[1:])
        assert "Traceback" not in err, err
        append_to_log(err)
        return subprocess.CompletedProcess(list(arguments), code, out, err)

    def start(self, *arguments: str, files: list[str] | None = None, **environ: str) -> None:
        """Start a run. Unless files are given, its input is empty and its output is discarded."""
        self.pid = self._fork_server.start(arguments, files or [os.devnull] * 3, self._folder, self._environ | environ)

    def wait(self) -> Exit:
        """Return when the latest run has ended."""
        return self._fork_server.wait()

    @contextlib.contextmanager
    def terminal(self, *arguments: str) -> Iterator[int]:
        """Start a run at a terminal, as its session leader; yield the descriptor that controls the terminal."""
        controller, terminal = pty.openpty()
        try:
            self.start(*arguments, files=[os.ttyname(terminal)] * 3)
            os.close(terminal)
            yield controller
        finally:
            if self._fork_server.running:
                os.kill(self.pid, signal.SIGKILL)
                self.wait()
            os.close(controller)

    def run_at_terminal(self, *arguments: str) -> tuple[int, str]:
        """Run it at a terminal without input; return the exit code and all that the terminal shows."""
        with self.terminal(*arguments) as screen:
            shown = read_rest(screen)
            return self.wait().code, shown


def read_until(screen: int, text: str) -> str:
    """Return what the terminal shows up to this text, and the rest of the same read."""
    shown = b""
    while text.encode() not in shown:
        try:
            shown += os.read(screen, 65536)
        except OSError:
            raise AssertionError(f"the run has ended: {shown!r}") from None
    return shown.decode()


def answer(screen: int, typed: str) -> str:
    """Type at a prompt; return what the terminal shows until the run ends.

    Python misses a Ctrl-C between showing a prompt and reading, so the input is repeated if the run does not react.
    """
    shown = b""
    with contextlib.suppress(OSError):  # the run has ended
        for _ in range(5):
            os.write(screen, typed.encode())
            while select.select([screen], [], [], 3)[0]:
                shown += os.read(screen, 65536)
        raise AssertionError(f"the run has not ended: {shown!r}")
    return shown.decode()


def read_rest(screen: int) -> str:
    """Return what the terminal shows until the run ends."""
    shown = b""
    with contextlib.suppress(OSError):  # the run has ended
        while part := os.read(screen, 65536):
            shown += part
    assert b"Traceback" not in shown, shown
    return shown.decode()


def _serve() -> None:
    """Fork for every line of standard input; this function returns in the forks only."""
    for line in iter(sys.stdin.readline, ""):
        run = json.loads(line)
        files = [os.open(name, os.O_RDWR | os.O_NOCTTY) for name in run["files"]]
        child = os.fork()
        if not child:
            _prepare(run, files)
            return
        for file in files:
            os.close(file)
        _send(child)
        _, status, usage = os.wait4(child, 0)
        _send([os.waitstatus_to_exitcode(status), usage.ru_maxrss])
    os._exit(0)


def _send(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _prepare(run: dict[str, Any], files: list[int]) -> None:
    """Give the fork its standard streams, session, folder, environment and arguments."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(run["folder"])
    os.environ.clear()
    os.environ.update(run["environ"])
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - open until the process ends
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115 - as above
    sys.argv = ["flask", *run["arguments"]]


if __name__ == "__main__":
    for name in PRELOADED:
        import_module(name)
    for command in entry_points(group="flask.commands"):  # Flask loads them all, also those of other packages
        command.load()
    gc.freeze()
    __package__ = ""  # so that a usage error names the program as `flask`
    _serve()
    try:
        import_module("flask.cli").main()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(int(ended.code or 0))  # without cleanup: in a process of this size it takes as long as a command
