"""Slow clients, without a proxy: they occupy no thread, are disconnected after a while, and stop no other request."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
import requests

from cli.gunicorn_worker import MAX_BUFFERED, REQUEST_SECONDS
from tests.servers.gunicorn import gunicorn
from tests.support.users import ZOE

CLIENTS = 200
"""More than the threads of a worker."""
SLACK = 10.0
"""The seconds by which a slow machine may be late."""
HEAD = "GET /health/live HTTP/1.1\r\nHost: x\r\n"
LOGIN = json.dumps({"email": ZOE.email, "password": ZOE.password})
POST = "POST /api/auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n\r\n"

SLOW = {
    "nothing": "",
    "half a head": HEAD[:-10],
    "a head without its end": HEAD,
    "half a body": f"{POST}Content-Length: {len(LOGIN)}\r\n\r\n{LOGIN[:10]}",
    "a whole request, and does not close": f"{HEAD}Connection: close\r\n\r\n",
    "a whole request, and keeps the connection": f"{HEAD}\r\n",
}
"""What a slow client sends."""


@pytest.fixture(scope="module")
def url(static_environ: dict[str, str]) -> Iterator[str]:
    """The URL of a server with one worker."""
    with gunicorn(static_environ) as address:
        yield address


def connect(url: str, text: str = "") -> socket.socket:
    """Return a new connection on which this text was sent."""
    address = urlsplit(url)
    connection = socket.create_connection((str(address.hostname), address.port or 0), REQUEST_SECONDS + SLACK)
    connection.sendall(text.encode())
    return connection


@contextmanager
def slow_clients(url: str, text: str, count: int = CLIENTS) -> Iterator[list[socket.socket]]:
    """Run clients that send this text, and then nothing."""
    with ExitStack() as connections:
        yield [connections.enter_context(connect(url, text)) for _ in range(count)]


def receive(connection: socket.socket) -> bytes:
    """Return what the server sends until it closes the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while octets := connection.recv(65536):
            received += octets
    return received


def assert_responds(url: str, seconds: float = REQUEST_SECONDS / 2) -> None:
    """Assert that a guarded route responds in time."""
    assert requests.get(f"{url}/api/protected_route", timeout=seconds).status_code == 401


@pytest.mark.parametrize("sent", SLOW)
def test_slow_clients_do_not_delay_other_requests(url: str, sent: str) -> None:
    with slow_clients(url, SLOW[sent]):
        for _ in range(5):
            assert_responds(url)
    assert_responds(url)


def test_slow_clients_are_disconnected(url: str) -> None:
    began = time.monotonic()
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(url, SLOW[sent])) for sent in ("nothing", "half a head", "half a body")]
        trickling = stack.enter_context(connect(url, HEAD))
        stack.enter_context(sending_slowly(trickling))
        assert [receive(connection) for connection in [*silent, trickling]] == [b""] * 4
    assert REQUEST_SECONDS - 1 < time.monotonic() - began < REQUEST_SECONDS + SLACK


@contextmanager
def sending_slowly(connection: socket.socket) -> Iterator[None]:
    """Send an octet a second."""
    stop = Event()

    def send() -> None:
        with suppress(ConnectionError):
            while not stop.wait(1):
                connection.send(b"x")

    sender = Thread(target=send)
    sender.start()
    yield
    stop.set()
    sender.join()


def test_threads_do_not_wait_for_the_rest_of_a_chunked_request_for_ever(url: str) -> None:
    with slow_clients(url, f"{CHUNKED}5\r\nhe"):
        assert_responds(url, 2 * REQUEST_SECONDS + SLACK)


@pytest.mark.parametrize("rest", ["", "x"])
def test_client_that_disconnects_during_a_request_is_not_waited_for(url: str, rest: str) -> None:
    began = time.monotonic()
    with connect(url, HEAD + rest) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection) == b""
    assert time.monotonic() - began < REQUEST_SECONDS / 2


def status_line(url: str, *parts: str, pause: float = 0.01) -> bytes:
    """Send the parts of requests with pauses, and return the last status line of the responses."""
    with connect(url) as connection:
        for part in parts:
            connection.sendall(part.encode())
            time.sleep(pause)
        return [line for line in receive(connection).split(b"\r\n") if line.startswith(b"HTTP/1.1 ")][-1]


WITH_LENGTH = f"{POST}Content-Length: {len(LOGIN)}\r\n"
TOO_LONG = f"{POST}Content-Length: {2 * MAX_BUFFERED}\r\n\r\n"
REQUESTS: dict[str, tuple[bytes, list[str]]] = {
    "octet by octet": (b"HTTP/1.1 200 OK", [*f"{WITH_LENGTH}\r\n{LOGIN}"]),
    "head and body": (b"HTTP/1.1 200 OK", [f"{WITH_LENGTH}\r\n", LOGIN]),
    "in the end of the head": (b"HTTP/1.1 200 OK", [f"{WITH_LENGTH}\r", f"\n{LOGIN}"]),
    "chunks": (b"HTTP/1.1 200 OK", [CHUNKED, f"{len(LOGIN):x}\r\n", LOGIN, "\r\n0\r\n", "\r\n"]),
    "after 100 Continue": (b"HTTP/1.1 200 OK", [f"{WITH_LENGTH}Expect: 100-continue\r\n\r\n", LOGIN]),
    "two in one": (b"HTTP/1.1 200 OK", [f"{HEAD}\r\n{WITH_LENGTH}\r\n{LOGIN}"]),
    "two, split in the second": (
        b"HTTP/1.1 200 OK",
        [f"{HEAD}\r\n{POST}", f"Content-Length: {len(LOGIN)}\r\n\r\n{LOGIN}"],
    ),
    "two on a connection": (b"HTTP/1.1 200 OK", [f"{HEAD}\r\n", POST, f"Content-Length: {len(LOGIN)}\r\n\r\n", LOGIN]),
    "a body that is too long": (b"HTTP/1.1 413 REQUEST ENTITY TOO LARGE", [TOO_LONG, *["x" * 1024] * 64]),
    "a head that is too long": (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        [HEAD, *["X: y\r\n" * 1024] * 6, "\r\n"],
    ),
    "no head": (b"HTTP/1.1 414 Request URI Too Long", ["x" * MAX_BUFFERED]),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_request_in_parts_is_answered(url: str, name: str) -> None:
    expected, parts = REQUESTS[name]
    assert status_line(url, *parts) == expected


def test_server_stops_while_clients_are_slow(static_environ: dict[str, str]) -> None:
    with ExitStack() as clients, gunicorn(static_environ) as url:
        for text in SLOW.values():
            clients.enter_context(slow_clients(url, text, 10))
