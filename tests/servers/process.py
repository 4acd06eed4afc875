"""Server processes: free ports, start and end."""

import itertools
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException

# Below the range of outgoing connections.
_PORTS = itertools.cycle(random.sample(range(20000, 32000), 12000))


def free_port() -> int:
    """Return a port of the loopback address that is free, and reserve it for this process."""
    return next(port for port in _PORTS if not listens(port) and _reserve(f"port {port}"))


def free_address(ports: Iterable[int]) -> str:
    """Return a loopback address whose given ports are free, and reserve it for this process."""
    required = [*ports]
    addresses = (f"127.0.0.{number}" for number in range(53, 255))
    return next(
        address
        for address in addresses
        if not any(listens(port, address) for port in required) and _reserve(f"address {address}")
    )


def _reserve(name: str) -> bool:
    """Reserve a name until this process ends; return False if another process has it.

    Between the choice of a free port and the start of its server, another process may choose the same port.
    """
    # An abstract socket address has no file, one holder, and ends with the process that holds it.
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0latchkey tests: {name}")
    except OSError:
        reservation.close()
        return False
    reservation.detach()
    return True


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Return whether a server accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def status_of(port: int, path: str = "/") -> int | None:
    """Return the status of the response to a GET request, or None if the server does not respond."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def wait_until(ready: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `ready` returns True. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


@contextmanager
def running(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> Iterator[subprocess.Popen[bytes]]:
    """Wait until the process is ready, and end it when the context ends."""
    try:
        wait_until(lambda: ready() or process.poll() is not None)
        assert process.poll() is None, f"the server ended with {process.returncode}"
        yield process
    finally:
        process.terminate()
        process.wait(60)
