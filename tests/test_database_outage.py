"""During an outage of the database the guard uses the last revocation list for a while, and then recovers."""

from collections import Counter
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest

from tests.conftest import new_migrated_database
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.stores import user_table
from tests.support.users import ZOE

STALENESS_SECONDS = 6


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[Server]:
    environ = user_table(new_migrated_database(postgres, "outage"), [ZOE])
    with gunicorn({**environ, "REVOCATION_STALENESS_SECONDS": str(STALENESS_SECONDS)}, workers=2) as url:
        yield Server(url, workers=2)


def allow_connections(postgres: str, allowed: bool) -> None:
    """Allow connections to the database, or close the existing ones and reject new ones."""
    with psycopg.connect(f"{postgres}postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE outage ALLOW_CONNECTIONS {allowed}".encode())
        if not allowed:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'")


def codes(server: Server, token: str) -> Counter[str]:
    return Counter(reply.code for reply in server.request_each_worker(token))


def test_guard_accepts_tokens_for_a_while_then_rejects_them_and_recovers(server: Server, postgres: str) -> None:
    valid, refresh = (server.log_in(ZOE.email, ZOE.password).body[name] for name in ("data", "refresh_token"))
    revoked = server.log_in(ZOE.email, ZOE.password).body["data"]
    assert server.request("DELETE", "/api/auth", revoked).status == 200
    wait_until(lambda: codes(server, revoked) == Counter({"revoked_token": 2}))
    unavailable_since = monotonic()
    allow_connections(postgres, False)
    try:
        assert (codes(server, valid), codes(server, revoked)) == (Counter({"": 2}), Counter({"revoked_token": 2}))
        assert server.refresh(refresh).status == 503
        wait_until(lambda: codes(server, valid) == Counter({"sessions_unavailable": 2}), 60)
        assert (
            monotonic() - unavailable_since > STALENESS_SECONDS / 2
        )  # each worker read the list at most a second before
        assert {(reply.status, reply.retry_after) for reply in server.request_each_worker(valid)} == {(503, "5")}
        assert codes(server, revoked) == Counter({"sessions_unavailable": 2})
    finally:
        allow_connections(postgres, True)
    wait_until(lambda: codes(server, valid) == Counter({"": 2}), 60)
    assert codes(server, revoked) == Counter({"revoked_token": 2})
    assert server.refresh(refresh).status == 200
