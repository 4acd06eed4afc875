"""Gunicorn under load: a reload drops no request, a stop refuses connections, a killed worker loses its requests."""

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing

import pytest
import requests
from urllib3.exceptions import NewConnectionError

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.busy_clients import BusyClient, busy, wait_for_requests
from tests.support.users import ZOE

CLIENTS = 6
REQUESTS = 30
"""How many requests each client sends, at least, before and after something happens to the server."""
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Caller(BusyClient):
    """A client that calls a guarded route without pause."""

    def __init__(self, url: str, token: str, *, keeps_connection: bool) -> None:
        super().__init__()
        self._url = f"{url}/api/auth/me"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {token}"
        if not keeps_connection:
            self._session.headers["Connection"] = "close"
        self.refused = 0
        self.failures: list[object] = []

    def run(self) -> None:
        with self._session:
            while not self.stop.is_set():
                self.call()
                self.sent += 1

    def call(self) -> None:
        try:
            response = self._session.get(self._url, timeout=60)
        except requests.RequestException as error:
            if isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
                self.refused += 1
                self.stop.wait(0.05)
            else:
                self.failures.append(error)
        else:
            if response.status_code != 200:
                self.failures.append(response.text)


@pytest.fixture(params=[True, False], ids=["kept connections", "new connections"])
def keeps_connection(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def service() -> Iterator[ExitStack]:
    """What ends a running service, when it is closed."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def url(service: ExitStack, static_environ: Mapping[str, str]) -> str:
    return service.enter_context(gunicorn(static_environ, workers=2))


@pytest.fixture
def server(url: str) -> Server:
    return Server(url, workers=2)


@pytest.fixture
def callers(url: str, server: Server, keeps_connection: bool) -> Iterator[list[Caller]]:
    """Clients that send requests, and have received responses."""
    token = server.log_in(ZOE.email, ZOE.password).body["data"]
    clients = [Caller(url, token, keeps_connection=keeps_connection) for _ in range(CLIENTS)]
    with busy(clients):
        wait_for_requests(clients, REQUESTS)
        yield clients


def failures(clients: list[Caller]) -> list[object]:
    return [failure for client in clients for failure in client.failures]


def test_reload_drops_no_request(server: Server, callers: list[Caller]) -> None:
    server.replace_workers()
    wait_for_requests(callers, REQUESTS)
    assert failures(callers) == []
    assert sum(client.refused for client in callers) == 0


def test_stop_only_refuses_new_connections(service: ExitStack, callers: list[Caller]) -> None:
    service.close()
    wait_until(lambda: all(client.refused for client in callers))
    # The kernel can accept a connection between the last `accept` of the last worker and the closing of the socket.
    # Without the code of the worker, the connections of nearly all clients are reset.
    assert len(failures(callers)) <= 1


def test_killed_worker_loses_only_its_own_requests(server: Server, callers: list[Caller]) -> None:
    killed, _ = server.workers()
    os.kill(killed, signal.SIGKILL)
    server.wait_for_workers_other_than({killed})
    wait_for_requests(callers, REQUESTS)
    assert max(len(client.failures) for client in callers) <= 1
    assert sum(client.refused for client in callers) == 0


def test_stop_handles_requests_that_wait_in_the_kernel(static_environ: Mapping[str, str]) -> None:
    with gunicorn(static_environ) as url, ExitStack() as connections:
        server = Server(url, workers=1)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGSTOP)
        waiting = [connections.enter_context(closing(connect(url))) for _ in range(5)]
        for connection in waiting[1:]:
            connection.sendall(REQUEST)
        os.kill(server.master, signal.SIGTERM)
        os.kill(worker, signal.SIGTERM)  # it arrives before the worker continues
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: refuses(url))
        waiting[0].sendall(REQUEST)
        for connection in waiting:
            assert connection.recv(12) == b"HTTP/1.1 200"


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 60)


def refuses(url: str) -> bool:
    try:
        connect(url).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False
