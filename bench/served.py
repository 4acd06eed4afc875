"""A contender for gunicorn, and the requests a second that one core serves: `bench.served:application('plain')`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from bench.contender_process import create
from bench.contenders import PATH
from tests.servers.process import free_port, listens, running
from tests.servers.workers import children, cpu_seconds

THREADS = "16"
REQUEST_FILE = "BENCH_REQUEST_FILE"
"""The variable with the name of the file into which the application writes a request."""


def application(name: str) -> Flask:
    """Return the application of a contender, and write a request with a valid token."""
    path = Path(os.environ[REQUEST_FILE])
    contender = create(name, str(path.parent))
    head = f"GET {PATH} HTTP/1.1\r\nHost: bench\r\n{contender.header}: {contender.scheme}{contender.issue()}\r\n\r\n"
    path.write_text(head, newline="")
    return contender.app


class Server:
    """A contender in one worker of gunicorn, on the first core, and a client on the last."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        request_file = folder / "request"
        options = [
            "--worker-class",
            "cli.gunicorn_worker.BufferingWorker",
            "--threads",
            THREADS,
            "--config",
            os.devnull,
        ]
        options += ["--bind", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, f"bench.served:application({name!r})"],
            env={**os.environ, REQUEST_FILE: str(request_file)}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._port = port
        self._request_file = request_file

    def pin(self) -> None:
        """Pin the worker, when it has started."""
        while not self._request_file.exists():
            time.sleep(0.05)
        (self._worker,) = children(self.process.pid)
        cores = sorted(os.sched_getaffinity(0))
        for task in Path(f"/proc/{self._worker}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cores[0]})
        self._request = self._request_file.read_bytes()

    def measure(self, number: int) -> float:
        """Return the CPU seconds of the worker for each of these requests."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            self._exchange(connection)
            begin = cpu_seconds([self._worker])
            for _ in range(number):
                self._exchange(connection)
            return (cpu_seconds([self._worker]) - begin) / number

    def _exchange(self, connection: socket.socket) -> None:
        connection.sendall(self._request)
        response = received = connection.recv(65536)
        while received and not response.endswith(b"}\n"):
            received = connection.recv(65536)
            response += received
        assert response.startswith(b"HTTP/1.1 200"), response


@contextmanager
def served(name: str) -> Iterator[Server]:
    """Run the server of a contender."""
    port = free_port()
    with TemporaryDirectory() as folder:
        server = Server(name, Path(folder), port)
        with running(server.process, lambda: listens(port)):
            server.pin()
            yield server
