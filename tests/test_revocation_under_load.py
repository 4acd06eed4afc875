"""A user's sessions are revoked while clients log in and refresh without a pause: no token stays valid."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS, ZOE


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    return user_table(migrated_database, SAMPLE_USERS[:2])


@pytest.fixture
def server(environ: dict[str, str]) -> Iterator[Server]:
    with gunicorn(environ, workers=2) as url:
        yield Server(url, workers=2)


class Client:
    """Logs in and refreshes until it is stopped, and keeps all tokens."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.stop = Event()
        self.access: list[str] = []
        self.refresh: list[str] = []

    def log_in(self) -> None:
        while not self.stop.is_set():
            response = self.server.log_in(ZOE.username, ZOE.password)
            if response.status == 200:
                self.access.append(response.body["data"])
                self.refresh.append(response.body["refresh_token"])

    def refresh_repeatedly(self) -> None:
        token = self.server.log_in(ZOE.username, ZOE.password).body["refresh_token"]
        while not self.stop.is_set() and (response := self.server.refresh(token)).status == 200:
            self.access.append(response.body["data"])
            token = response.body["refresh_token"]
        self.refresh.append(token)

    def accepted_tokens(self) -> list[str]:
        """Return the access tokens that a worker accepts."""
        return [
            token for token in self.access if self.server.request("GET", "/api/protected_route", token).status == 200
        ]


def test_tokens_issued_during_the_revocation_are_revoked_too(
    server: Server, environ: dict[str, str], fork_server: ForkServer, tmp_path: Path
) -> None:
    client = Client(server)
    with ThreadPoolExecutor(6) as threads:
        for function in (client.log_in, client.refresh_repeatedly) * 3:
            threads.submit(function)
        try:
            wait_until(lambda: len(client.access) > 30, 60)
            flask = ForkedFlask(fork_server, tmp_path, **environ)
            assert flask("users", "set-password", ZOE.username, stdin="another password").returncode == 0
        finally:
            client.stop.set()
    with suppress(TimeoutError):
        wait_until(lambda: not client.accepted_tokens(), 30)
    assert client.accepted_tokens() == []
    assert {server.refresh(token).status for token in client.refresh} == {400}
