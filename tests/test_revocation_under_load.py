"""Somebody is put out while they log in and refresh without pause: whatever they were given has ended."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.flask_program import FlaskProgram
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS, ZOE


@pytest.fixture
def environ(empty_database: str) -> dict[str, str]:
    return user_table(empty_database, SAMPLE_USERS[:2])


@pytest.fixture
def server(environ: dict[str, str]) -> Iterator[Server]:
    with gunicorn(environ, workers=2) as url:
        yield Server(url, workers=2)


class Client:
    """Takes whatever it can get."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.enough = Event()
        self.access: list[str] = []
        self.refresh: list[str] = []

    def log_in(self) -> None:
        while not self.enough.is_set():
            reply = self.server.log_in(ZOE.username, ZOE.password)
            if reply.status == 200:
                self.access.append(reply.body["data"])
                self.refresh.append(reply.body["refresh_token"])

    def keep_alive(self) -> None:
        token = self.server.log_in(ZOE.username, ZOE.password).body["refresh_token"]
        while not self.enough.is_set() and (reply := self.server.refresh(token)).status == 200:
            self.access.append(reply.body["data"])
            token = reply.body["refresh_token"]
        self.refresh.append(token)

    def still_good(self) -> list[str]:
        """Return the access tokens that a worker lets through."""
        return [token for token in self.access if self.server.ask("GET", "/api/protected_route", token).status == 200]


def test_what_was_given_at_the_last_moment_ends_too(server: Server, environ: dict[str, str], tmp_path: Path) -> None:
    client = Client(server)
    with ThreadPoolExecutor(6) as threads:
        for work in (client.log_in, client.keep_alive) * 3:
            threads.submit(work)
        try:
            wait_until(lambda: len(client.access) > 30, 60)
            flask = FlaskProgram(tmp_path, **environ)
            assert flask("users", "set-password", ZOE.username, stdin="another password").returncode == 0
        finally:
            client.enough.set()
    with suppress(TimeoutError):
        wait_until(lambda: not client.still_good(), 10)
    assert client.still_good() == []
    assert {server.refresh(token).status for token in client.refresh} == {400}
