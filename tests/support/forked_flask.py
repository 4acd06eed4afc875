"""The `flask` program, forked from a process that has imported it.

It is as real as one that is started, but for the half second that a start takes.
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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.support.flask_program import ENVIRON, ROOT, Flask


class Ended(NamedTuple):
    """How a run came to its end."""

    code: int
    """As a shell has it, negative for a signal."""
    kibibytes: int
    """The most memory that it had."""


class Source:
    """The process that has imported the program. It runs one fork at a time."""

    def __init__(self) -> None:
        self.running = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, env=ENVIRON, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, arguments: tuple[str, ...], files: list[str], folder: Path, environ: dict[str, str]) -> int:
        """Run the program with what these paths name as standard input, output and error; returns its process id."""
        order = {"arguments": arguments, "files": files, "folder": str(folder), "environ": environ}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        self.running = True
        return int(self._told())

    def wait(self) -> Ended:
        """Return when the run that was started last has ended."""
        ended = Ended(*self._told())
        self.running = False
        return ended

    def end(self) -> None:
        self._process.communicate()

    def _told(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


class Forked(Flask):
    """Does what Flask does, and at a terminal more."""

    def __init__(self, source: Source, folder: Path, **environ: str) -> None:
        super().__init__(folder, **environ)
        self._source = source
        self.pid = 0
        """Of the run that was begun last."""

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
        return subprocess.CompletedProcess(list(arguments), code, out, err)

    def start(self, *arguments: str, files: list[str] | None = None, **environ: str) -> None:
        """Begin a run, with nothing to read and nothing to show unless files are named."""
        self.pid = self._source.start(arguments, files or [os.devnull] * 3, self._folder, self._environ | environ)

    def wait(self) -> Ended:
        """Return when the run that was begun last has ended."""
        return self._source.wait()

    @contextlib.contextmanager
    def terminal(self, *arguments: str) -> Iterator[int]:
        """Begin a run with everything at a terminal, as its leader; gives our end of it."""
        ours, theirs = pty.openpty()
        try:
            self.start(*arguments, files=[os.ttyname(theirs)] * 3)
            os.close(theirs)
            yield ours
        finally:
            if self._source.running:
                os.kill(self.pid, signal.SIGKILL)
                self.wait()
            os.close(ours)

    def seen(self, *arguments: str) -> tuple[int, str]:
        """Run it at a terminal where nothing is typed; returns its code and all that was seen."""
        with self.terminal(*arguments) as screen:
            shown = read_rest(screen)
            return self.wait().code, shown


def read_until(screen: int, text: str) -> str:
    """Return what a terminal shows up to this text, and what came with it."""
    shown = b""
    while text.encode() not in shown:
        try:
            shown += os.read(screen, 65536)
        except OSError:
            raise AssertionError(f"it has ended: {shown!r}") from None
    return shown.decode()


def answer(screen: int, typed: str) -> str:
    """Type at a prompt; returns what comes until nobody is at the other end.

    Python does not hear Ctrl-C between showing a prompt and reading, so all is typed again where nothing comes of it.
    """
    shown = b""
    with contextlib.suppress(OSError):  # as in read_rest
        for _ in range(5):
            os.write(screen, typed.encode())
            while select.select([screen], [], [], 3)[0]:
                shown += os.read(screen, 65536)
        raise AssertionError(f"it has not ended: {shown!r}")
    return shown.decode()


def read_rest(screen: int) -> str:
    """Return what comes until nobody is at the other end of the terminal."""
    shown = b""
    with contextlib.suppress(OSError):  # which says so
        while part := os.read(screen, 65536):
            shown += part
    assert b"Traceback" not in shown, shown
    return shown.decode()


def _serve() -> None:
    """Fork for every order, until there are no more; a fork returns from here."""
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        files = [os.open(name, os.O_RDWR | os.O_NOCTTY) for name in order["files"]]
        child = os.fork()
        if not child:
            _become(order, files)
            return
        for file in files:
            os.close(file)
        _tell(child)
        _, status, usage = os.wait4(child, 0)
        _tell([os.waitstatus_to_exitcode(status), usage.ru_maxrss])
    os._exit(0)


def _tell(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _become(order: dict[str, Any], files: list[int]) -> None:
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - as long as the process lives
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115 - as above
    sys.argv = ["flask", *order["arguments"]]


if __name__ == "__main__":
    for name in ("flask.cli", "app", "cli.db", "cli.users", "psycopg"):
        import_module(name)
    gc.freeze()
    _serve()
    try:
        import_module("flask.cli").main()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(int(ended.code or 0))  # at once: to take a process of this size down costs as much as a command
