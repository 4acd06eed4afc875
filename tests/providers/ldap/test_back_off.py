"""The back-off of an unavailable server."""

import ssl
import time

import pytest

from providers.ldap.client import failover
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.errors import ServerTimeout
from providers.ldap.client.failover import Server
from tests.servers.process import wait_until


@pytest.fixture
def server() -> Server:
    """A server to which no connection is opened."""
    return Server(ServerAddress("localhost", 389), ssl.create_default_context(), 1, lambda _: None)


def test_one_caller_may_retry_a_server_after_its_back_off(server: Server) -> None:
    server.record_failure(ServerTimeout("no answer"), time.monotonic())
    assert not server.try_acquire(time.monotonic() + 10)
    wait_until(server.is_due)
    assert [server.try_acquire(time.monotonic() + 10) for _ in range(3)] == [True, False, False]


def test_back_off_doubles_up_to_ten_seconds(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(failover, "monotonic", lambda: now[0])

    def back_off_seconds() -> float:
        server.record_failure(ServerTimeout("no answer"), began := now[0])
        while not server.is_due():
            now[0] += 0.25
        return now[0] - began

    assert [back_off_seconds() for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    server.record_success(now[0])
    assert back_off_seconds() == 0.5
