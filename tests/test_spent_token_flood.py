"""A flood of requests with one spent refresh token does not hold the threads of a worker."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.servers.gunicorn import gunicorn
from tests.servers.reverse_proxies import reverse_proxy
from tests.support.stores import user_table
from tests.support.users import ZOE

REQUESTS = 70


@pytest.fixture(params=["direct", "nginx"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of gunicorn with one worker, or of nginx in front of it."""
    with gunicorn(user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])) as service:
        if request.param == "direct":
            yield service
        else:
            locations = f"location = / {{ return 204; }} location / {{ proxy_pass {service}; }}"
            with reverse_proxy("nginx", {service: locations}) as (site,):
                yield f"http://127.0.0.1:{site.port}"


def send_and_close(url: str, token: str) -> None:
    """Send a refresh, and close the connection after a millisecond, in which nginx forwards the request."""
    body = json.dumps({"refresh_token": token})
    head = (
        f"POST /api/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 0), 60) as connection:
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        connection.settimeout(0.001)
        with suppress(TimeoutError):
            connection.recv(1)


def test_closed_refreshes_with_one_spent_token_do_not_hold_the_worker(url: str) -> None:
    login = requests.post(f"{url}/api/auth", json={"email": ZOE.email, "password": ZOE.password}, timeout=60)
    token = login.json()["refresh_token"]
    for _ in range(REQUESTS):
        send_and_close(url, token)
    # Waiting for each other's responses, they would hold all threads for 42 seconds.
    assert requests.get(f"{url}/health/live", timeout=15).status_code == 200
