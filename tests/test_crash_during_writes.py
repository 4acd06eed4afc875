"""Workers are killed during logouts and edits of users: acknowledged writes remain, and others are whole or absent."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.api_client import ApiClient
from tests.support.busy_clients import busy
from tests.support.stores import user_table
from tests.support.users import ZOE, SampleUser
from tests.support.writers import Logouts, PasswordChanges, RoleChanges, Writer, wait_for_writes

KILLS = 3
EDITED = SampleUser("edited", "edited@example.org", "the password of the edited user")
OWNER = SampleUser("owner", "owner@example.org", "lampshade quarry violin 0")


@pytest.fixture
def url(migrated_database: str) -> Iterator[str]:
    environ = {**user_table(migrated_database, [ZOE, EDITED, OWNER]), "ADMIN_GRANTABLE_ROLES": "user,editor"}
    with gunicorn(environ, workers=2) as url:
        yield url


def kill_worker_during_writes(server: Server, writers: list[Writer]) -> None:
    """Wait until each writer writes again, kill a worker, and wait for its successor."""
    wait_for_writes(writers)
    worker = server.workers()[0]
    os.kill(worker, signal.SIGKILL)
    server.wait_for_workers_other_than({worker})


def test_killed_worker_loses_no_acknowledged_write(url: str) -> None:
    server, client = Server(url, workers=2), ApiClient(url)
    logouts, roles = Logouts(client, ZOE), RoleChanges(client, ZOE, EDITED)
    passwords = PasswordChanges(client, OWNER)
    writers: list[Writer] = [logouts, roles, passwords]
    with busy(writers):
        for _ in range(KILLS):
            kill_worker_during_writes(server, writers)
    assert {*logouts.statuses, *roles.statuses, *passwords.statuses} <= {200, 503}
    assert roles.stored() in roles.possible
    assert len(passwords.valid()) == 1
    wait_until(lambda: {reply.status for reply in server.request_each_worker(logouts.revoked[-1])} == {401})
    assert {server.request("GET", "/api/protected_route", token).status for token in logouts.revoked} == {401}
