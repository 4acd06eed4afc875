"""Server processes: a free port, a start that is waited for, an end by process id."""

import itertools
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

# Below those that outgoing connections get by themselves.
_PORTS = itertools.cycle(random.sample(range(20000, 32000), 12000))


def free_port() -> int:
    """Return a port of the loopback address on which nobody listens, and which nobody else will be given."""
    return next(port for port in _PORTS if not listens(port) and _claim(f"port {port}"))


def free_address(ports: Iterable[int]) -> str:
    """Return a loopback address on whose ports nobody listens, and which nobody else will be given."""
    wanted = [*ports]
    addresses = (f"127.0.0.{number}" for number in range(53, 255))
    return next(
        address
        for address in addresses
        if not any(listens(port, address) for port in wanted) and _claim(f"address {address}")
    )


def _claim(what: str) -> bool:
    """Say whether it is ours now, until this process ends: before a server of ours listens there, others look too."""
    # A name without a file, of which the system keeps no second holder, and which goes with its holder.
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0latchkey tests: {what}")
    except OSError:
        claim.close()
        return False
    claim.detach()
    return True


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Say whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


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
