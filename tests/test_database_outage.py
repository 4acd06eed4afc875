"""The database is out: the guard goes on with what it last knew, for a while, and recovers by itself."""

from collections import Counter
from collections.abc import Iterator
from time import monotonic

import psycopg
import pytest

from tests.conftest import new_database
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.stores import user_table
from tests.support.users import ZOE

OUTAGE_SECONDS = 6


@pytest.fixture(scope="module")
def server(postgres: str) -> Iterator[Server]:
    environ = user_table(new_database(postgres, "goes_out"), [ZOE])
    with gunicorn({**environ, "REVOCATION_STALENESS_SECONDS": str(OUTAGE_SECONDS)}, workers=2) as url:
        yield Server(url, workers=2)


def allow_connections(postgres: str, allowed: bool) -> None:
    """Let the database have connections, or end those that it has and refuse others."""
    with psycopg.connect(f"{postgres}postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE goes_out ALLOW_CONNECTIONS {allowed}".encode())
        if not allowed:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'goes_out'")


def codes(server: Server, token: str) -> Counter[str]:
    return Counter(reply.code for reply in server.ask_each(token))


def test_the_guard_goes_on_for_a_while_then_refuses_and_recovers(server: Server, postgres: str) -> None:
    good, refresh = (server.log_in(ZOE.email, ZOE.password).body[name] for name in ("data", "refresh_token"))
    ended = server.log_in(ZOE.email, ZOE.password).body["data"]
    assert server.ask("DELETE", "/api/auth", ended).status == 200
    wait_until(lambda: codes(server, ended) == Counter({"revoked_token": 2}))
    out_since = monotonic()
    allow_connections(postgres, False)
    try:
        assert (codes(server, good), codes(server, ended)) == (Counter({"": 2}), Counter({"revoked_token": 2}))
        assert server.refresh(refresh).status == 503
        wait_until(lambda: codes(server, good) == Counter({"sessions_unavailable": 2}), 60)
        assert monotonic() - out_since > OUTAGE_SECONDS / 2  # each worker looked a second before, at most
        assert {(reply.status, reply.retry_after) for reply in server.ask_each(good)} == {(503, "5")}
        assert codes(server, ended) == Counter({"sessions_unavailable": 2})
    finally:
        allow_connections(postgres, True)
    wait_until(lambda: codes(server, good) == Counter({"": 2}), 60)
    assert codes(server, ended) == Counter({"revoked_token": 2})
    assert server.refresh(refresh).status == 200
