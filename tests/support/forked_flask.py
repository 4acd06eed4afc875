"""The `flask` program, forked from the fork server, and controlled at a terminal."""

import contextlib
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

from tests.support.flask_program import FlaskProgram
from tests.support.fork_server import Exit, ForkServer, Run
from tests.support.log_scan import append_to_log


class ForkedFlask(FlaskProgram):
    """Runs the program as FlaskProgram does, and controls it at a terminal."""

    latest: Run
    """The latest run."""

    def __init__(self, fork_server: ForkServer, folder: Path, **environ: str | None) -> None:
        super().__init__(folder, **environ)
        self._fork_server = fork_server

    @property
    def pid(self) -> int:
        """The process id of the latest run."""
        return self.latest.pid

    def __call__(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> subprocess.CompletedProcess[str]:
        with ExitStack() as stack:
            files = [stack.enter_context(TemporaryFile()) for _ in range(3)]
            files[0].write(stdin.encode() if isinstance(stdin, str) else stdin)
            files[0].seek(0)
            self._start([file.fileno() for file in files], *arguments, **environ)
            code = self.wait().code
            for file in files[1:]:
                file.seek(0)
            out, err = (file.read().decode() for file in files[1:])
        assert "Traceback" not in err, err
        append_to_log(err)
        return subprocess.CompletedProcess(list(arguments), code, out, err)

    def start(self, *arguments: str, output: Path = Path(os.devnull), **environ: str) -> None:
        """Start a run without input. All that it shows is written to a file."""
        with Path(os.devnull).open() as empty, output.open("wb") as file:
            self._start([empty.fileno(), file.fileno(), file.fileno()], *arguments, **environ)

    def wait(self) -> Exit:
        """Return when the latest run has ended."""
        return self.latest.wait()

    @contextlib.contextmanager
    def terminal(self, *arguments: str) -> Iterator[int]:
        """Start a run at a terminal, as its session leader; yield the descriptor that controls the terminal."""
        controller, terminal = pty.openpty()
        try:
            self._start([terminal] * 3, *arguments)
            os.close(terminal)
            yield controller
        finally:
            if not self.latest.ended:
                os.kill(self.pid, signal.SIGKILL)
                self.wait()
            os.close(controller)

    def run_at_terminal(self, *arguments: str) -> tuple[int, str]:
        """Run it at a terminal without input; return the exit code and all that the terminal shows."""
        with self.terminal(*arguments) as screen:
            shown = read_rest(screen)
            return self.wait().code, shown

    def _start(self, files: list[int], *arguments: str, **environ: str) -> None:
        self.latest = self._fork_server.start(arguments, files, self._folder, self._environ | environ)


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
