"""The addresses of a host, asked for with a time limit, which the system's resolver does not have."""

import socket
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any

Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As `socket.getaddrinfo` has them."""

_lock = Lock()
_under_way: dict[tuple[str, int], "Future[Sequence[Address]]"] = {}


def addresses(host: str, port: int, seconds: float) -> Sequence[Address]:
    """Return the addresses of the host. Raises OSError: TimeoutError if nobody tells them in time. Thread-safe."""
    try:
        return _resolve(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return _asked(host, port).result(seconds)


def _asked(host: str, port: int) -> "Future[Sequence[Address]]":
    """Return the answer to come; while one is waited for nobody asks again, so that no more than one thread hangs."""
    with _lock:
        if (host, port) in _under_way:
            return _under_way[host, port]
        answer = _under_way[host, port] = Future()
    Thread(target=_answer, args=(answer, host, port), daemon=True).start()
    return answer


def _answer(answer: "Future[Sequence[Address]]", host: str, port: int) -> None:
    try:
        answer.set_result(_resolve(host, port))
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
        answer.set_exception(error)
    finally:
        with _lock:
            del _under_way[host, port]


def _resolve(host: str, port: int, flags: int = 0) -> Sequence[Address]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
