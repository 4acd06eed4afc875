"""Clients that write without pause while the service or its database fails, and remember what was acknowledged."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import requests

from tests.servers.process import wait_until
from tests.support.api_client import ApiClient
from tests.support.busy_clients import BusyClient
from tests.support.users import SampleUser


class Writer(BusyClient):
    """A client that writes without pause. A response is lost if the worker is killed."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__()
        self.client = client
        self.acknowledged = 0
        self.statuses: set[int] = set()

    def __str__(self) -> str:
        return f"{type(self).__name__} {sorted(self.statuses)} {self.is_alive()}"

    def run(self) -> None:
        while not self.stop.is_set():
            with suppress(requests.RequestException):
                self.write()

    def write(self) -> None:
        raise NotImplementedError

    def send(self, method: str, path: str, token: str = "", **body: object) -> requests.Response:
        """Send a request, and remember the status of its response."""
        response = self.client.send(method, path, token, **body)
        self.statuses.add(response.status_code)
        return response

    def log_in(self, user: SampleUser) -> requests.Response:
        return self.send("POST", "/api/auth", email=user.email, password=user.password)

    def is_acknowledged(self, response: requests.Response) -> bool:
        self.acknowledged += response.ok
        return response.ok


class Logouts(Writer):
    """Logs in and out."""

    def __init__(self, client: ApiClient, user: SampleUser) -> None:
        super().__init__(client)
        self._user = user
        self.revoked: list[str] = []

    def write(self) -> None:
        login = self.log_in(self._user)
        if login.ok and self.is_acknowledged(self.send("DELETE", "/api/auth", login.json()["data"])):
            self.revoked.append(login.json()["data"])


class Sessions(Writer):
    """Logs in, and keeps the sessions."""

    def __init__(self, client: ApiClient, user: SampleUser) -> None:
        super().__init__(client)
        self._user = user
        self.refresh_tokens: list[str] = []

    def write(self) -> None:
        login = self.log_in(self._user)
        if login.ok and (token := login.json().get("refresh_token")):
            self.acknowledged += 1
            self.refresh_tokens.append(token)


class RoleChanges(Writer):
    """Gives a user other roles."""

    def __init__(self, client: ApiClient, administrator: SampleUser, user: SampleUser) -> None:
        super().__init__(client)
        self._token = client.log_in(administrator)["data"]
        listed = client.send("GET", "/api/users", self._token).json()["data"]
        (user_id,) = [row["id"] for row in listed if row["username"] == user.username]
        self._path = f"/api/users/{user_id}"
        self.possible: list[list[str]] = [[*user.roles]]

    def write(self) -> None:
        roles = ["editor"] if self.possible[-1] != ["editor"] else ["user"]
        self.possible.append(roles)
        if self.is_acknowledged(self.send("PATCH", self._path, self._token, roles=roles)):
            self.possible = [roles]

    def stored(self) -> list[str]:
        roles: list[str] = self.client.send("GET", self._path, self._token).json()["data"]["roles"]
        return roles


class PasswordChanges(Writer):
    """Changes its own password."""

    def __init__(self, client: ApiClient, user: SampleUser) -> None:
        super().__init__(client)
        self.possible = [user]
        self._attempts = 0

    def valid(self) -> dict[SampleUser, dict[str, str]]:
        """Return the user with each possible password that is valid, and the tokens; nothing during an outage."""
        logins = {user: self._try(user) for user in self.possible}
        if any(response.status_code == requests.codes.unavailable for response in logins.values()):
            return {}
        return {user: response.json() for user, response in logins.items() if response.ok}

    def write(self) -> None:
        for user, tokens in self.valid().items():
            if "refresh_token" not in tokens:
                return  # during an outage: a change of the password in the same second has revoked such a token
            self._attempts += 1
            changed = replace(user, password=f"lampshade quarry violin {self._attempts}")
            self.possible = [user, changed]
            passwords = {"password": user.password, "new_password": changed.password}
            if self.is_acknowledged(self.send("POST", "/api/auth/password", tokens["data"], **passwords)):
                self.possible = [changed]

    def _try(self, user: SampleUser) -> requests.Response:
        return self.client.send("POST", "/api/auth", email=user.email, password=user.password)


class Intruder(Writer):
    """Tries a wrong password, and a token that every worker knows as revoked."""

    def __init__(self, client: ApiClient, user: SampleUser, revoked_token: str) -> None:
        super().__init__(client)
        self._user = replace(user, password="not the password of the user")
        self._token = revoked_token

    def write(self) -> None:
        self.log_in(self._user)
        self.acknowledged += self.send("GET", "/api/protected_route", self._token).status_code == 401


def wait_for_writes(writers: Sequence[Writer]) -> None:
    """Wait until each writer has got an acknowledgment that it had not when this was called."""
    before = {writer: writer.acknowledged for writer in writers}
    with suppress(TimeoutError):
        wait_until(lambda: all(writer.acknowledged > seen for writer, seen in before.items()), 60)
    assert [str(writer) for writer, seen in before.items() if writer.acknowledged == seen] == []
