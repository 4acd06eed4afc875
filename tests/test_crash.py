"""Workers killed in the middle of refreshes: no session is lost, and no spent token revived."""

import os
import signal
from collections.abc import Iterator
from http.client import HTTPException
from threading import Event, Thread

import pytest

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS

FAMILIES, KILLS = 12, 6


class Family(Thread):
    """A client that refreshes without pause, and tries again with the token it has when a connection breaks."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        person = SAMPLE_USERS[number % len(SAMPLE_USERS)]
        self.server = server
        self.token: str = server.log_in(person.username, person.password).body["refresh_token"]
        self.spent: list[str] = []
        self.refused: list[object] = []
        self.enough = Event()

    def run(self) -> None:
        while not self.enough.is_set() and not self.refused:
            self.refresh()

    def refresh(self) -> None:
        try:
            reply = self.server.refresh(self.token)
        except (OSError, HTTPException):
            return
        if reply.status == 200:
            self.spent.append(self.token)
            self.token = reply.body["refresh_token"]
        else:
            self.refused.append(reply)


@pytest.fixture
def server(empty_database: str) -> Iterator[Server]:
    with gunicorn(user_table(empty_database, SAMPLE_USERS), workers=2) as url:
        yield Server(url, workers=2)


def test_killed_workers_lose_no_session_and_revive_no_spent_token(server: Server) -> None:
    families = [Family(server, number) for number in range(FAMILIES)]
    for family in families:
        family.start()
    try:
        for _ in range(KILLS):
            kill_a_worker_in_the_middle(server, families)
    finally:
        for family in families:
            family.enough.set()
            family.join()
    for family in families:
        family.refresh()
    assert [family.refused for family in families] == [[]] * FAMILIES
    for number, family in enumerate(families):
        spent = family.spent[-1 - number * 5 % len(family.spent)]
        assert server.refresh(spent).code == "invalid_refresh_token"
        assert server.refresh(family.token).code == "invalid_refresh_token"


def kill_a_worker_in_the_middle(server: Server, families: list[Family]) -> None:
    """Wait until every client is at work again, kill a worker, and wait for the next one."""
    before = [len(family.spent) for family in families]
    wait_until(
        lambda: all(
            family.refused or len(family.spent) > seen + 2 for family, seen in zip(families, before, strict=True)
        ),
        60,
    )
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    server.wait_for_workers_other_than({victim})
