"""Two servers of two workers each on one PostgreSQL: a revocation at one of them reaches all workers."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from tests.conftest import new_migrated_database
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Response, Server, send_request
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS, SampleUser

CLIENTS = 50
Replicas = tuple[Server, Server]


@pytest.fixture(scope="module")
def environ(postgres: str) -> dict[str, str]:
    """The environment with a new database."""
    return user_table(new_migrated_database(postgres, "replicas"), SAMPLE_USERS)


@pytest.fixture(scope="module")
def replicas(environ: dict[str, str]) -> Iterator[Replicas]:
    with gunicorn(environ, workers=2) as one, gunicorn(environ, workers=2) as other:
        yield Server(one, workers=2), Server(other, workers=2)


@pytest.fixture
def flask(fork_server: ForkServer, tmp_path: Path, environ: dict[str, str]) -> ForkedFlask:
    return ForkedFlask(fork_server, tmp_path, **environ)


def tokens_of(server: Server, user: SampleUser) -> tuple[str, str]:
    """Log in; return the access token and the refresh token."""
    response = server.log_in(user.email, user.password)
    assert response.status == 200, response
    return response.body["data"], response.body["refresh_token"]


def codes(servers: Replicas, token: str) -> Counter[str]:
    """Count the codes with which the workers respond to a token."""
    return Counter(response.code for server in servers for response in server.request_each_worker(token))


ACCEPTED, REVOKED = Counter({"": 4}), Counter({"revoked_token": 4})


def refresh_concurrently(servers: list[Server], token: str) -> list[Response]:
    """Return the responses to many clients that present the same refresh token at the same time."""
    barrier = Barrier(CLIENTS)

    def client(number: int) -> Response:
        barrier.wait(60)
        return servers[number % len(servers)].refresh(token)

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(client, range(CLIENTS)))


def assert_one_refresh_succeeds(servers: list[Server]) -> None:
    for user in SAMPLE_USERS[:3]:
        _, token = tokens_of(servers[0], user)
        responses = refresh_concurrently(servers, token)
        (winner,) = [response for response in responses if response.status == 200]
        codes_of_others = {response.code for response in responses if response is not winner}
        # A request that arrives more than two seconds late, on a slow machine, is reuse and ends the session. A worker
        # that happens to get most of the requests rejects those above its limit of concurrent lookups.
        assert codes_of_others <= {"refresh_in_progress", "invalid_refresh_token", "overloaded"}
        expected = "invalid_refresh_token" if "invalid_refresh_token" in codes_of_others else ""
        assert servers[-1].refresh(winner.body["refresh_token"]).code == expected


def test_one_of_many_concurrent_refreshes_succeeds_and_the_session_lasts(replicas: Replicas) -> None:
    assert_one_refresh_succeeds(list(replicas))


def test_one_of_many_concurrent_refreshes_succeeds_on_sqlite(tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", SAMPLE_USERS[:3])
    with gunicorn(environ, workers=2) as url:
        assert_one_refresh_succeeds([Server(url, workers=2)])


def test_logout_applies_immediately_in_its_worker_and_soon_in_all(replicas: Replicas) -> None:
    access, refresh = tokens_of(replicas[0], SAMPLE_USERS[0])
    other, _ = tokens_of(replicas[1], SAMPLE_USERS[0])
    assert codes(replicas, access) == ACCEPTED
    with closing(replicas[0].connect()) as connection:
        assert send_request(connection, "DELETE", "/api/auth", access).status == 200
        assert send_request(connection, "GET", "/api/protected_route", access).code == "revoked_token"
    wait_until(lambda: codes(replicas, access) == REVOKED)
    assert replicas[1].refresh(refresh).code == "invalid_refresh_token"
    assert codes(replicas, other) == ACCEPTED


COMMANDS = {
    "disabled": (SAMPLE_USERS[1], ["users", "disable", SAMPLE_USERS[1].username]),
    "new password": (SAMPLE_USERS[2], ["users", "set-password", SAMPLE_USERS[2].email]),
    "user revoked": (SAMPLE_USERS[3], ["tokens", "revoke", "--user", SAMPLE_USERS[3].username]),
    "all revoked": (SAMPLE_USERS[4], ["tokens", "revoke", "--all"]),
}


@pytest.mark.parametrize(("user", "command"), COMMANDS.values(), ids=COMMANDS)
def test_command_revokes_tokens_in_every_worker(
    replicas: Replicas, flask: ForkedFlask, user: SampleUser, command: list[str]
) -> None:
    given = [tokens_of(server, user) for server in replicas]
    bystander, _ = tokens_of(replicas[0], SAMPLE_USERS[0])
    assert [codes(replicas, access) for access, _ in given] == [ACCEPTED, ACCEPTED]
    assert flask(*command, stdin="another good password").returncode == 0
    wait_until(lambda: [codes(replicas, access) for access, _ in given] == [REVOKED, REVOKED])
    assert {replicas[1].refresh(refresh).code for _, refresh in given} == {"invalid_refresh_token"}
    assert codes(replicas, bystander) == (REVOKED if "--all" in command else ACCEPTED)


def test_revocations_survive_a_restart(replicas: Replicas) -> None:
    ended, _ = tokens_of(replicas[0], SAMPLE_USERS[5])
    kept, refresh = tokens_of(replicas[1], SAMPLE_USERS[5])
    assert replicas[0].request("DELETE", "/api/auth", ended).status == 200
    for server in replicas:
        server.replace_workers()
    assert (codes(replicas, ended), codes(replicas, kept)) == (REVOKED, ACCEPTED)
    assert replicas[0].refresh(refresh).status == 200


def test_guard_makes_no_query(replicas: Replicas, environ: dict[str, str]) -> None:
    access, _ = tokens_of(replicas[0], SAMPLE_USERS[6])
    assert codes(replicas, access) == ACCEPTED

    def client(number: int) -> set[int]:
        with closing(replicas[number % 2].connect()) as connection:
            return {send_request(connection, "GET", "/api/protected_route", access).status for _ in range(250)}

    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as connection:
        before = count_table_scans(connection)
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(client, range(8))) == [{200}] * 8
        # The clients send 2,000 requests; meanwhile the workers poll the revocations every second.
        assert count_table_scans(connection) - before < 500


def count_table_scans(connection: psycopg.Connection[tuple[int]]) -> int:
    """Return how often the tables of the database were scanned."""
    row = connection.execute("SELECT sum(seq_scan + coalesce(idx_scan, 0))::int FROM pg_stat_user_tables").fetchone()
    assert row is not None
    return row[0]
