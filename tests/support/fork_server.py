"""A process that has imported the `flask` program, and forks for each run of it.

A run is as real as a start of the program, without the half second that its imports take.
"""

import contextlib
import fcntl
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from flask.cli import cli

from tests.support import fork_client
from tests.support.flask_program import ENVIRON, ROOT

PRELOADED = (
    "app",
    "cli.database",
    "cli.doctor",
    "cli.keys",
    "cli.throttle",
    "cli.tokens",
    "cli.users",
    "alembic.autogenerate",
    "alembic.command",
    "argon2",
    "cryptography.x509",
    "dotenv",
    "ldap3",
    "passlib.hash",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite",
)
"""What the forks share. Providers are not preloaded, because a command knows the settings of those that it uses."""


class Exit(NamedTuple):
    """The end of a run."""

    code: int
    """The exit code, or the negative number of the signal that ended it."""
    max_kibibytes: int
    """The maximum memory of the process."""


class Run:
    """A run of the program, which has begun."""

    def __init__(self, connection: socket.socket) -> None:
        self.ended: Exit | None = None
        self._messages = connection.makefile()
        self.pid = int(self._messages.readline())

    def wait(self) -> Exit:
        """Return when it has ended."""
        self.ended = self.ended or Exit(*json.loads(self._messages.readline()))
        return self.ended


class ForkServer:
    """The process from which the program is forked."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._address = f"{self._folder.name}/socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(listener.fileno())],
                cwd=ROOT, env=ENVIRON, stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
            )  # fmt: skip

    def start(self, arguments: Sequence[str], files: Sequence[int], folder: Path, environ: Mapping[str, str]) -> Run:
        """Run the program with these descriptors as standard input, output and error."""
        return Run(fork_client.connect(self._address, arguments, files, str(folder), environ))

    @property
    def command(self) -> list[str]:
        """The command with which another process runs the program. It ends with the fork, and passes no signal on."""
        return [sys.executable, "-I", "-S", fork_client.__file__, self._address]

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()
        self._folder.cleanup()


def _serve(listener: socket.socket) -> None:
    """Fork for every connection until standard input ends; this function returns in the forks only."""
    ends, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup)
    connections: dict[int, socket.socket] = {}
    while sys.stdin not in (ready := select.select([ends, listener, sys.stdin], [], [])[0]):
        if ends in ready:
            os.read(ends, 4096)
            _report_ends(connections)
        if listener in ready:
            connection, _ = listener.accept()
            child = _fork(connection)
            if not child:
                return
            connections[child] = connection
    os._exit(0)


def _report_ends(connections: dict[int, socket.socket]) -> None:
    """Send how the forks have ended that have ended since the last call."""
    while connections and (ended := os.wait4(-1, os.WNOHANG))[0]:
        child, status, usage = ended
        _send(connections.pop(child), [os.waitstatus_to_exitcode(status), usage.ru_maxrss])


def _fork(connection: socket.socket) -> int:
    """Receive a run, fork, and send the process id; return it, or 0 in the fork."""
    request, files, _, _ = socket.recv_fds(connection, 65536, 3)
    while not request.endswith(b"\n"):
        request += connection.recv(65536)
    child = os.fork()
    if not child:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _prepare(json.loads(request), files)
        return 0
    for file in files:
        os.close(file)
    _send(connection, child)
    return child


def _send(connection: socket.socket, value: object) -> None:
    with contextlib.suppress(ConnectionError):  # a shell has killed the client
        connection.sendall(json.dumps(value).encode() + b"\n")


def _prepare(run: dict[str, Any], files: list[int]) -> None:
    """Give the fork its standard streams, session, folder, environment, modules and arguments."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    if os.isatty(0):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(run["folder"])
    os.umask(run["umask"])
    os.environ.clear()
    os.environ.update(run["environ"])
    paths = run["environ"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:2] = [run["folder"], *filter(None, paths)]  # in place of those of this process
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - open until the process ends
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115 - as above
    sys.argv = ["flask", *run["arguments"]]


if __name__ == "__main__":
    for name in PRELOADED:
        import_module(name)
    # Flask loads all commands for each run, also those of other packages, and examines all packages for them.
    cli._load_plugin_commands()  # noqa: SLF001 - takes a third of a short command
    gc.freeze()
    __package__ = ""  # so that a usage error names the program as `flask`
    _serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        cli.main()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(int(ended.code or 0))  # without cleanup: in a process of this size it takes as long as a command
