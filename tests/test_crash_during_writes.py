"""Workers are killed during logouts and edits of users: acknowledged writes remain, and others are whole or absent."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
import requests

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.api_client import ApiClient
from tests.support.busy_clients import BusyClient, busy
from tests.support.stores import user_table
from tests.support.users import ZOE, SampleUser

KILLS = 3
EDITED = SampleUser("edited", "edited@example.org", "the password of the edited user")
OWNER = SampleUser("owner", "owner@example.org", "lampshade quarry violin 0")


class Writer(BusyClient):
    """A client that writes without pause. The response to a write is lost if the worker is killed."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__()
        self.client = client
        self.acknowledged = 0
        self.statuses: set[int] = set()

    def run(self) -> None:
        while not self.stop.is_set():
            with suppress(requests.RequestException):
                self.write()

    def write(self) -> None:
        raise NotImplementedError

    def is_acknowledged(self, response: requests.Response) -> bool:
        self.statuses.add(response.status_code)
        self.acknowledged += response.ok
        return response.ok


class Logouts(Writer):
    """Logs in and out."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client)
        self.revoked: list[str] = []

    def write(self) -> None:
        token = self.client.log_in(ZOE)["data"]
        if self.is_acknowledged(self.client.send("DELETE", "/api/auth", token)):
            self.revoked.append(token)


class RoleChanges(Writer):
    """Gives a user other roles."""

    def __init__(self, client: ApiClient, user_path: str) -> None:
        super().__init__(client)
        self._path = user_path
        self._token = client.log_in(ZOE)["data"]
        self.possible: list[list[str]] = [[*EDITED.roles]]

    def write(self) -> None:
        roles = ["editor"] if self.possible[-1] != ["editor"] else ["user"]
        self.possible.append(roles)
        if self.is_acknowledged(self.client.send("PATCH", self._path, self._token, roles=roles)):
            self.possible = [roles]

    def stored(self) -> list[str]:
        roles: list[str] = self.client.send("GET", self._path, self._token).json()["data"]["roles"]
        return roles


class PasswordChanges(Writer):
    """Changes its own password."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client)
        self.possible = [OWNER]

    def valid(self) -> list[SampleUser]:
        """Return the user with each possible password that is valid."""
        return [user for user in self.possible if self._log_in(user).ok]

    def write(self) -> None:
        (user,) = self.valid()
        changed = replace(user, password=f"lampshade quarry violin {self.acknowledged + 1} {len(self.possible)}")
        self.possible = [user, changed]
        token = self._log_in(user).json()["data"]
        passwords = {"password": user.password, "new_password": changed.password}
        if self.is_acknowledged(self.client.send("POST", "/api/auth/password", token, **passwords)):
            self.possible = [changed]

    def _log_in(self, user: SampleUser) -> requests.Response:
        return self.client.send("POST", "/api/auth", email=user.email, password=user.password)


@pytest.fixture
def url(empty_database: str) -> Iterator[str]:
    environ = {**user_table(empty_database, [ZOE, EDITED, OWNER]), "ADMIN_GRANTABLE_ROLES": "user,editor"}
    with gunicorn(environ, workers=2) as url:
        yield url


def kill_worker_during_writes(server: Server, writers: list[Writer]) -> None:
    """Wait until each writer writes again, kill a worker, and wait for its successor."""
    before = [writer.acknowledged for writer in writers]
    wait_until(lambda: all(writer.acknowledged > seen for writer, seen in zip(writers, before, strict=True)), 60)
    worker = server.workers()[0]
    os.kill(worker, signal.SIGKILL)
    server.wait_for_workers_other_than({worker})


def test_killed_worker_loses_no_acknowledged_write(url: str) -> None:
    server, client = Server(url, workers=2), ApiClient(url)
    listed = client.send("GET", "/api/users", client.log_in(ZOE)["data"]).json()["data"]
    (user_id,) = [user["id"] for user in listed if user["username"] == EDITED.username]
    logouts, roles, passwords = Logouts(client), RoleChanges(client, f"/api/users/{user_id}"), PasswordChanges(client)
    writers: list[Writer] = [logouts, roles, passwords]
    with busy(writers):
        for _ in range(KILLS):
            kill_worker_during_writes(server, writers)
    assert {*logouts.statuses, *roles.statuses, *passwords.statuses} <= {200, 503}
    assert roles.stored() in roles.possible
    assert len(passwords.valid()) == 1
    wait_until(lambda: {reply.status for reply in server.request_each_worker(logouts.revoked[-1])} == {401})
    assert {server.request("GET", "/api/protected_route", token).status for token in logouts.revoked} == {401}
