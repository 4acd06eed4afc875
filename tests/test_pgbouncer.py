"""PgBouncer between the workers and PostgreSQL gives each transaction another server connection: no request fails."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import text

from tests.conftest import new_migrated_database
from tests.servers.gunicorn import gunicorn
from tests.servers.pgbouncer import pgbouncer
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.sessions import client_of, log_in, refresh
from tests.support.stores import engine_of, user_table
from tests.support.users import SAMPLE_USERS, ZOE


@pytest.fixture
def home() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield Path(directory)


def environ_behind(pooler: str, postgres: str, name: str) -> dict[str, str]:
    """Return the environment of a new user table, which is read through the pooler."""
    return {**user_table(new_migrated_database(postgres, name), SAMPLE_USERS), "DATABASE_URL": f"{pooler}{name}"}


def test_logins_and_refreshes_of_concurrent_clients_succeed(postgres: str, home: Path) -> None:
    def use_service(number: int) -> list[tuple[int, str]]:
        user = SAMPLE_USERS[number % len(SAMPLE_USERS)]
        replies = [server.log_in(user.username, user.password)]
        for _ in range(5):
            replies.append(server.refresh(replies[-1].body.get("refresh_token", "")))
        return [(reply.status, reply.code) for reply in replies]

    with (
        pgbouncer(home, postgres) as pooler,
        gunicorn(environ_behind(pooler, postgres, "pooled"), workers=2) as url,
        ThreadPoolExecutor(6) as clients,
    ):
        server = Server(url, workers=2)
        results = Counter(chain.from_iterable(clients.map(use_service, range(20))))
        assert results == {(200, ""): 120}
        token = server.log_in(ZOE.email, ZOE.password).body["data"]
        assert server.request("DELETE", "/api/auth", token).status == 200
        wait_until(lambda: {reply.code for reply in server.request_each_worker(token)} == {"revoked_token"})


def test_settings_of_transactions_do_not_reach_other_clients_of_the_pool(postgres: str, home: Path) -> None:
    with pgbouncer(home, postgres, pool_size=1) as pooler:
        environ = environ_behind(pooler, postgres, "shared")
        client = client_of(environ)
        refresh(client, log_in(client))
        with engine_of(environ).connect() as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == "5s"
            assert connection.scalar(text("SHOW synchronous_commit")) == "on"
        with psycopg.connect(environ["DATABASE_URL"], prepare_threshold=None) as other_client:
            assert other_client.execute("SHOW statement_timeout").fetchone() == ("0",)
            assert other_client.execute("SHOW synchronous_commit").fetchone() == ("off",)  # the server's default
        engine_of(environ).dispose()
