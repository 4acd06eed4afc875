"""Gunicorn with the settings of a deployment, under more load than it can handle."""

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.servers.gunicorn import gunicorn

CLIENTS = 120


@pytest.fixture(scope="module")
def url(static_environ: dict[str, str]) -> Iterator[str]:
    """The URL of a server with one worker."""
    with gunicorn(static_environ) as address:
        yield address


def call(url: str, body: object = None) -> tuple[int, str]:
    """Return the status and the error code of the response."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - the test's own server
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return response.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["code"]


def test_excess_logins_are_503_and_guarded_routes_keep_working(url: str) -> None:
    def client(number: int) -> tuple[int, str]:
        if number % 4 == 0:
            return call(f"{url}/api/protected_route")
        return call(f"{url}/api/auth", {"email": "unknown", "password": "wrong"})

    with ThreadPoolExecutor(CLIENTS) as threads:
        responses = Counter(threads.map(client, range(CLIENTS * 3)))
    assert responses.pop((401, "missing_token")) == CLIENTS * 3 // 4
    assert set(responses) == {(400, "invalid_credentials"), (503, "overloaded")}
