"""A real Redis server, without files."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.process import listens, running

_OPTIONS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")


@contextmanager
def redis_server(port: int) -> Iterator[str]:
    """Run a server on the port; yield its URL."""
    with redis_process(port) as (url, _):
        yield url


@contextmanager
def redis_process(port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a server on the port; yield its URL and its process."""
    command = ["/usr/bin/redis-server", "--port", str(port), *_OPTIONS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/")
    with running(process, lambda: listens(port)):
        yield f"redis://127.0.0.1:{port}", process
