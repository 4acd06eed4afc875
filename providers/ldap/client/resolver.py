"""Host name lookups with a time limit, which `socket.getaddrinfo` does not have."""

import socket
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any

from config.forks import ForkSafeLock, reset_in_forks

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""An item of the result of `socket.getaddrinfo`."""

_lock = ForkSafeLock()
_pending: dict[tuple[str, int], "Future[Sequence[Address]]"] = {}
reset_in_forks(_pending.clear)


def resolve(host: str, port: int, timeout: float) -> Sequence[Address]:
    """Return the addresses of the host. Thread-safe.

    Raises OSError if the lookup fails, and its subclass TimeoutError if the lookup takes more than `timeout` seconds.
    """
    try:
        return _getaddrinfo(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return _lookup(host, port).result(timeout)


def _lookup(host: str, port: int) -> "Future[Sequence[Address]]":
    """Return the future of a lookup. Callers share a pending lookup, so that at most one thread per host can hang."""
    with _lock:
        if (host, port) in _pending:
            return _pending[host, port]
        future = _pending[host, port] = Future()
    Thread(target=_run_lookup, args=(future, host, port), daemon=True).start()
    return future


def _run_lookup(future: "Future[Sequence[Address]]", host: str, port: int) -> None:
    try:
        future.set_result(_getaddrinfo(host, port))
    except Exception as error:  # noqa: BLE001 - the caller of `result` receives it
        future.set_exception(error)
    finally:
        with _lock:
            del _pending[host, port]


def _getaddrinfo(host: str, port: int, flags: int = 0) -> Sequence[Address]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
