"""Workers are killed during refreshes: no session is lost, and no spent refresh token becomes valid again."""

import os
import signal
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.busy_clients import BusyClient, busy
from tests.support.session_rows import age_rotations, wait_for_delivery
from tests.support.stores import engine_of, user_table
from tests.support.users import SAMPLE_USERS

CLIENTS, KILLS = 12, 6


class RefreshingClient(BusyClient):
    """A client that refreshes without pause. If a connection breaks or the response is 503, it uses the same token."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        user = SAMPLE_USERS[number % len(SAMPLE_USERS)]
        self.server = server
        self.token: str = server.log_in(user.username, user.password).body["refresh_token"]
        self.spent: list[str] = []
        self.rejected: list[object] = []

    def run(self) -> None:
        while not self.stop.is_set() and not self.rejected:
            self.refresh()

    def refresh_successfully(self) -> None:
        """Refresh once more, after the response to the last refresh counts as lost."""
        used = len(self.spent)

        def has_refreshed() -> bool:
            self.refresh()
            return len(self.spent) > used or bool(self.rejected)

        wait_until(has_refreshed, 60)

    def refresh(self) -> None:
        try:
            reply = self.server.refresh(self.token)
        except (OSError, HTTPException):
            return
        if reply.status == 200:
            self.spent.append(self.token)
            self.token = reply.body["refresh_token"]
        elif reply.code != "refresh_in_progress":
            self.rejected.append(reply)


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    """The settings of all sample users in a new database."""
    return user_table(migrated_database, SAMPLE_USERS)


@pytest.fixture
def server(environ: dict[str, str]) -> Iterator[Server]:
    with gunicorn(environ, workers=2) as url:
        yield Server(url, workers=2)


def test_killed_worker_loses_no_session_and_makes_no_spent_token_valid(server: Server, environ: dict[str, str]) -> None:
    engine = engine_of(environ)
    clients = [RefreshingClient(server, number) for number in range(CLIENTS)]
    with busy(clients):
        for _ in range(KILLS):
            kill_a_worker_during_refreshes(server, clients)
    for client in clients:
        client.refresh_successfully()
        wait_for_delivery(engine, client.token)
    age_rotations(engine, LOST_RESPONSE_TIMEOUT)
    assert [client.rejected for client in clients] == [[]] * CLIENTS
    for number, client in enumerate(clients):
        spent = client.spent[-1 - number * 5 % len(client.spent)]
        assert server.refresh(spent).code == "invalid_refresh_token"
        assert server.refresh(client.token).code == "invalid_refresh_token"


def kill_a_worker_during_refreshes(server: Server, clients: list[RefreshingClient]) -> None:
    """Wait until each client refreshes again, kill a worker, and wait for its successor."""
    before = [len(client.spent) for client in clients]
    wait_until(
        lambda: all(
            client.rejected or len(client.spent) > seen + 2 for client, seen in zip(clients, before, strict=True)
        ),
        60,
    )
    worker = server.workers()[0]
    os.kill(worker, signal.SIGKILL)
    server.wait_for_workers_other_than({worker})
