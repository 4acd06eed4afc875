"""The workers of a running gunicorn, told apart by the sockets that they hold."""

import json
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.servers.process import wait_until


class Reply(NamedTuple):
    """What came back."""

    status: int
    body: dict[str, Any]
    retry_after: str | None

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.body.get("code", ""))


class Server:
    """A gunicorn, by its URL."""

    def __init__(self, url: str, workers: int) -> None:
        """Return when it has all its workers."""
        self._port = urlsplit(url).port or 0
        self._count = workers
        listening = _inode(self._port, 0)
        wait_until(lambda: len(_holding(listening, _processes())) > workers, 60)
        sharing = _holding(listening, _processes())
        (self._master,) = {_parent(pid) for pid in sharing} & sharing

    def connect(self) -> HTTPConnection:
        """Return a new connection, which one worker serves as long as it is open."""
        return HTTPConnection("127.0.0.1", self._port, timeout=60)

    def ask(self, method: str, path: str, token: str = "", body: object = None) -> Reply:
        """Ask over a new connection."""
        with closing(self.connect()) as connection:
            return ask(connection, method, path, token, body)

    def log_in(self, login: str, password: str) -> Reply:
        """Ask for the first tokens."""
        return self.ask("POST", "/api/auth", body={"email": login, "password": password})

    def refresh(self, token: str) -> Reply:
        """Ask for the next tokens."""
        return self.ask("POST", "/api/auth/refresh", body={"refresh_token": token})

    def ask_each(self, token: str) -> list[Reply]:
        """Return what each worker answers to a token at the guard."""
        replies: dict[int, Reply] = {}
        workers = self.workers()
        with ExitStack() as opened:

            def everybody_has_answered() -> bool:
                connection = opened.enter_context(closing(self.connect()))
                reply = ask(connection, "GET", "/api/protected_route", token)
                inode = _inode(self._port, connection.sock.getsockname()[1])
                replies.update(dict.fromkeys(_holding(inode, workers), reply))
                return set(workers) == set(replies)

            wait_until(everybody_has_answered, 60)
        return list(replies.values())

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return children(self._master)

    def replace_workers(self) -> None:
        """Have it start anew, with its configuration read again, and wait until it has."""
        before = set(self.workers())
        os.kill(self._master, signal.SIGHUP)
        self.wait_for_workers_other_than(before)

    def wait_for_workers_other_than(self, before: set[int]) -> None:
        """Return when it has all its workers, and none of these."""
        wait_until(lambda: len(now := self.workers()) == self._count and before.isdisjoint(now), 60)


def children(parent: int) -> list[int]:
    """Return the processes that this one has started."""
    return [pid for pid in _processes() if _parent(pid) == parent]


def ask(connection: HTTPConnection, method: str, path: str, token: str = "", body: object = None) -> Reply:
    """Ask over a connection that stays open."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = json.dumps(body) if body else None
    connection.request(method, path, data, headers | ({"Content-Type": "application/json"} if data else {}))
    answer = connection.getresponse()
    return Reply(answer.status, json.loads(answer.read()), answer.headers["Retry-After"])


def _inode(port: int, peer: int) -> str:
    """Return the server's socket that is connected with a peer's port; with 0, the one that listens."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (_port(fields[1]), _port(fields[2])) == (port, peer):
            return fields[9]
    return "none"


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _holding(inode: str, processes: Iterable[int]) -> set[int]:
    return {pid for pid in processes if f"socket:[{inode}]" in _open_files(pid)}


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").glob("[0-9]*"))


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):  # it has just ended, or is somebody else's
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(file.readlink()))
    return found


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
