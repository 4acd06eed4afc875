"""A WebSocket of flask-sock beside Latchkey: guarded, behind reverse proxies, and without a time limit."""

import socket
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import requests
from simple_websocket import Client, ConnectionError  # noqa: A004 - the name in the library

from tests.servers.reverse_proxies import reverse_proxy
from tests.servers.wsgi_servers import wsgi_server
from tests.support.api_client import ApiClient
from tests.support.sessions import bearer
from tests.support.users import ZOE

SITES = {
    "nginx": "location / {{ proxy_pass http://{0}; proxy_http_version 1.1; "
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }}",
    "caddy": "reverse_proxy {0}",
    "haproxy": "",
}
LONGER_THAN_A_REQUEST = 5.0
"""Seconds that exceed the time for which the workers of this application wait for a request."""
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEA==",
}


@pytest.fixture(scope="module")
def service(static_environ: dict[str, str]) -> Iterator[str]:
    """The address of the application."""
    with wsgi_server("gunicorn-gthread", static_environ, "tests.servers.websocket_application:create_app") as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module", params=["without a proxy", *SITES])
def address(request: pytest.FixtureRequest, service: str) -> Iterator[str]:
    """The address of the application, or of a proxy in front of it."""
    if request.param not in SITES:
        yield service
        return
    site = SITES[request.param].format(service)
    with reverse_proxy(request.param, {service: site}, {"latchkey.lua": ""}, "/health/live") as (at,):
        yield f"127.0.0.1:{at.port}"


def log_in(address: str) -> dict[str, str]:
    """Log in, and return the header with the access token."""
    return bearer(ApiClient(f"http://{address}").log_in(ZOE)["data"])


def test_guarded_websocket_stays_open_behind_each_proxy(address: str, service: str) -> None:
    with pytest.raises(ConnectionError) as refused:
        Client(f"ws://{address}/live")
    assert refused.value.status_code == 401
    client = Client(f"ws://{address}/live", headers=log_in(address))
    for pause in (0, LONGER_THAN_A_REQUEST if address == service else 0):
        time.sleep(pause)
        client.send("hello")
        assert client.receive(timeout=30) == "zoé said hello"
    client.close()


def upgrade_status(address: str, path: str, headers: dict[str, str]) -> int:
    """Return the status of the response to a request for a WebSocket.

    A proxy does not send it again, and responds with 502, if the server closes the idle connection at this moment.
    """
    url = f"http://{address}{path}"
    statuses = (requests.get(url, headers=headers, timeout=60).status_code for _ in range(3))
    return next((status for status in statuses if status != HTTPStatus.BAD_GATEWAY), HTTPStatus.BAD_GATEWAY)


def test_other_routes_ignore_the_request_for_a_websocket(address: str) -> None:
    headers = log_in(address) | UPGRADE
    for path, status in {"/api/auth/me": 200, "/api/protected_route": 200, "/nowhere": 404}.items():
        assert upgrade_status(address, path, headers) == status
    assert upgrade_status(address, "/api/auth/me", UPGRADE) == 401


def test_socket_that_the_application_closes_late_does_not_end_the_worker(service: str) -> None:
    """The thread of a WebSocket closes it while the worker waits for the client, and the next one gets its number."""
    with open_connection(service) as kept, open_connection(service) as other:
        assert send_rest(kept, "GET /keep-socket").endswith(b"kept")
        assert send_rest(other, "GET /close-socket").endswith(b"closed")
        with open_connection(service) as connection:
            connection.sendall(b"GET /health")
            assert requests.get(f"http://{service}/health/live", timeout=60).ok  # the worker waits for the rest
            assert send_rest(connection, "/live").startswith(b"HTTP/1.1 200 ")


def open_connection(address: str) -> socket.socket:
    """Return a connection to the application."""
    host, _, port = address.partition(":")
    return socket.create_connection((host, int(port)), 60)


def send_rest(connection: socket.socket, text: str) -> bytes:
    """Send a request from this part of its first line on; return the response, after which the server closes."""
    connection.sendall(f"{text} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return b"".join(iter(lambda: connection.recv(65536), b""))
