"""Server processes: a free port, a start that is waited for, an end by process id."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def free_port() -> int:
    """Return a port of the loopback address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Say whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as `ready` says so; TimeoutError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


@contextmanager
def running(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """Enter when the process is ready; end it on leaving."""
    try:
        wait_until(lambda: ready() or process.poll() is not None)
        assert process.poll() is None, f"the server ended with {process.returncode}"
        yield process
    finally:
        process.terminate()
        process.wait(20)
