"""A flood of logins: excess logins are 503, guarded routes respond, and the memory does not grow."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from statistics import median
from typing import NamedTuple

import pytest

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server, resident_memory
from tests.support.open_loop import Result, get, post, send_at_rate
from tests.support.users import ZOE

SECONDS = 4
LOGINS_A_SECOND = 130
"""More than any core verifies."""
WRONG = "not the password of any user"
MAX_GROWTH = 64  # MiB, with the blocks of 19 MiB that a hash needs, which the allocator may keep


def login(name: str, password: str = WRONG) -> bytes:
    return post("/api/auth", json.dumps({"email": name, "password": password}))


LOGINS = [login(ZOE.email, ZOE.password), login("unknown"), login(ZOE.email), login("unknown too")]


class Flood(NamedTuple):
    """The responses during a flood."""

    logins: Result
    guarded: Result


class Target:
    """A server that is flooded with logins from another process."""

    def __init__(self, url: str, clients: ProcessPoolExecutor) -> None:
        self._url = url
        self._clients = clients
        self.server = Server(url, workers=1)
        self._token = str(self.server.log_in(ZOE.email, ZOE.password).body["data"])

    def flood(self) -> Flood:
        """Send known and unknown names, and meanwhile requests to a guarded route."""
        guarded = [get("/api/protected_route", self._token)]
        results = [
            self._clients.submit(send_at_rate, self._url, requests, rate, SECONDS)
            for requests, rate in ((LOGINS, LOGINS_A_SECOND), (guarded, 10))
        ]
        return Flood(*(result.result() for result in results))

    def memory(self) -> float:
        """Return the resident memory of the worker, in MiB."""
        return resident_memory(self.server.workers())


@contextmanager
def target(environ: dict[str, str]) -> Iterator[Target]:
    """Yield a server with one worker."""
    with gunicorn(environ) as url, ProcessPoolExecutor(2, get_context("spawn")) as clients:
        yield Target(url, clients)


@pytest.fixture(scope="module")
def flooded(static_environ: dict[str, str]) -> Iterator[tuple[Target, Flood]]:
    with target(static_environ) as running:
        yield running, running.flood()


def test_excess_logins_are_refused_with_503_and_nothing_else(flooded: tuple[Target, Flood]) -> None:
    statuses = flooded[1].logins.counts
    assert set(statuses) == {200, 400, 503}
    assert statuses.total() == SECONDS * LOGINS_A_SECOND


def test_guarded_routes_respond_during_a_flood_before_logins_do(flooded: tuple[Target, Flood]) -> None:
    logins, guarded = flooded[1]
    assert set(guarded.statuses) == {200}
    verified = [seconds for seconds, status in zip(logins.seconds, logins.statuses, strict=True) if status != 503]
    assert guarded.percentile(0.9) < median(verified)


def test_logins_are_accepted_again_after_a_flood(flooded: tuple[Target, Flood]) -> None:
    wait_until(lambda: flooded[0].server.log_in(ZOE.email, ZOE.password).status == 200)


def test_floods_do_not_accumulate_memory(flooded: tuple[Target, Flood]) -> None:
    server, _ = flooded
    before = server.memory()
    for _ in range(2):
        server.flood()
    assert server.memory() - before < MAX_GROWTH
