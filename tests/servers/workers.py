"""The workers of a running gunicorn, distinguished by the sockets that they hold."""

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.servers.process import wait_until


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    body: dict[str, Any]
    retry_after: str | None

    @property
    def code(self) -> str:
        """The error code."""
        return str(self.body.get("code", ""))


class Server:
    """A running gunicorn."""

    def __init__(self, url: str, workers: int) -> None:
        """Wait until all workers run."""
        self._port = urlsplit(url).port or 0
        self._count = workers
        listening_inode = _inode(self._port, 0)
        wait_until(lambda: len(_holders_of(listening_inode, _descendants())) > workers, 60)
        holders = _holders_of(listening_inode, _descendants())
        (self.master,) = {_parent(pid) for pid in holders} & holders

    def connect(self) -> HTTPConnection:
        """Return a new connection, which the same worker serves until it is closed."""
        return HTTPConnection("127.0.0.1", self._port, timeout=60)

    def request(self, method: str, path: str, token: str = "", body: object = None) -> Response:
        """Send a request over a new connection."""
        with closing(self.connect()) as connection:
            return send_request(connection, method, path, token, body)

    def log_in(self, login: str, password: str) -> Response:
        """Send a login."""
        return self.request("POST", "/api/auth", body={"email": login, "password": password})

    def refresh(self, token: str) -> Response:
        """Present a refresh token."""
        return self.request("POST", "/api/auth/refresh", body={"refresh_token": token})

    def request_each_worker(self, token: str) -> list[Response]:
        """Return the guard's response to a token from each worker."""
        responses: dict[int, Response] = {}
        workers = self.workers()
        with ExitStack() as connections:

            def all_workers_have_responded() -> bool:
                connection = connections.enter_context(closing(self.connect()))
                response = send_request(connection, "GET", "/api/protected_route", token)
                inode = _inode(self._port, connection.sock.getsockname()[1])
                responses.update(dict.fromkeys(_holders_of(inode, workers), response))
                return set(workers) == set(responses)

            wait_until(all_workers_have_responded, 60)
        return list(responses.values())

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return children(self.master)

    def replace_workers(self) -> None:
        """Reload the configuration with new workers, and wait for them."""
        before = set(self.workers())
        self.hang_up()
        self.wait_for_workers_other_than(before)

    def hang_up(self) -> None:
        """Ask for a reload of the configuration."""
        os.kill(self.master, signal.SIGHUP)

    def wait_for_workers_other_than(self, before: set[int]) -> None:
        """Wait until all workers run, and none of these."""
        wait_until(lambda: len(now := self.workers()) == self._count and before.isdisjoint(now), 60)


def children(parent: int) -> list[int]:
    """Return the ids of the processes that this process has started."""
    return [pid for pid in _processes() if _parent(pid) == parent]


def resident_memory(processes: Iterable[int]) -> float:
    """Return the resident memory of the processes, in MiB."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in processes)
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def cpu_seconds(processes: Iterable[int]) -> float:
    """Return the CPU time of the processes, with that of their threads that have ended."""
    # The clocks of clock_getcpuclockid(3), which Python does not have. /proc/PID/stat has only hundredths of a second.
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in processes)


def send_request(connection: HTTPConnection, method: str, path: str, token: str = "", body: object = None) -> Response:
    """Send a request over this connection, which stays open."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = json.dumps(body) if body else None
    connection.request(method, path, data, headers | ({"Content-Type": "application/json"} if data else {}))
    received = connection.getresponse()
    return Response(received.status, json.loads(received.read()), received.headers["Retry-After"])


def _inode(port: int, peer: int) -> str:
    """Return the inode of the server's socket for the client's port `peer`; 0 means the listening socket."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (_port(fields[1]), _port(fields[2])) == (port, peer):
            return fields[9]
    return "none"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _holders_of(inode: str, processes: Iterable[int]) -> set[int]:
    return {pid for pid in processes if f"socket:[{inode}]" in _open_files(pid)}


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").glob("[0-9]*"))


def _open_files(pid: int) -> set[str]:
    files = set()
    with suppress(OSError):  # the process has ended, or belongs to another user
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                files.add(str(file.readlink()))
    return files


def _descendants() -> set[int]:
    """Return the ids of the processes that this process has started, or a process that it has started."""
    parents = {pid: _parent(pid) for pid in _processes()}
    found = {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {os.getpid()}


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
