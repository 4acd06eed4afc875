"""Gunicorn with the settings that deployments get, under more than it can take."""

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
    """The address of a server with one worker."""
    with gunicorn(static_environ) as address:
        yield address


def asks(url: str, body: object = None) -> tuple[int, str]:
    """Return the status of an answer, and its code."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["code"]


def test_a_flood_of_logins_is_told_to_come_back_and_guarded_routes_go_on(url: str) -> None:
    def client(number: int) -> tuple[int, str]:
        if number % 4 == 0:
            return asks(f"{url}/api/protected_route")
        return asks(f"{url}/api/auth", {"email": "nobody", "password": "wrong"})

    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = Counter(threads.map(client, range(CLIENTS * 3)))
    assert answers.pop((401, "missing_token")) == CLIENTS * 3 // 4
    assert set(answers) == {(400, "invalid_credentials"), (503, "overloaded")}
