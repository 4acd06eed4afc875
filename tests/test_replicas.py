"""Two servers of two workers each on one PostgreSQL: what is ended at one of them is ended everywhere."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from tests.conftest import new_database
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Reply, Server, ask
from tests.support.flask_program import FlaskProgram
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS, SampleUser

CLIENTS = 50
Pair = tuple[Server, Server]


@pytest.fixture(scope="module")
def environ(postgres: str) -> dict[str, str]:
    """The environment of a database of its own."""
    return user_table(new_database(postgres, "replicas"), SAMPLE_USERS)


@pytest.fixture(scope="module")
def replicas(environ: dict[str, str]) -> Iterator[Pair]:
    with gunicorn(environ, workers=2) as one, gunicorn(environ, workers=2) as other:
        yield Server(one, workers=2), Server(other, workers=2)


@pytest.fixture
def flask(tmp_path: Path, environ: dict[str, str]) -> FlaskProgram:
    return FlaskProgram(tmp_path, **environ)


def tokens_of(server: Server, person: SampleUser) -> tuple[str, str]:
    """Log in; returns the access token and the refresh token."""
    reply = server.log_in(person.email, person.password)
    assert reply.status == 200, reply
    return reply.body["data"], reply.body["refresh_token"]


def codes(servers: Pair, token: str) -> Counter[str]:
    """Count what all the workers answer to a token."""
    return Counter(reply.code for server in servers for reply in server.ask_each(token))


GOOD, REVOKED = Counter({"": 4}), Counter({"revoked_token": 4})


def all_at_once(servers: list[Server], token: str) -> list[Reply]:
    """Return the answers to many clients who present the same refresh token at the same time."""
    together = Barrier(CLIENTS)

    def client(number: int) -> Reply:
        together.wait(60)
        return servers[number % len(servers)].refresh(token)

    with ThreadPoolExecutor(CLIENTS) as threads:
        return list(threads.map(client, range(CLIENTS)))


def one_wins(servers: list[Server]) -> None:
    for person in SAMPLE_USERS[:3]:
        _, token = tokens_of(servers[0], person)
        replies = all_at_once(servers, token)
        assert Counter(reply.status for reply in replies) == {200: 1, 400: CLIENTS - 1}
        (winner,) = [reply for reply in replies if reply.status == 200]
        assert servers[-1].refresh(winner.body["refresh_token"]).code == "invalid_refresh_token"


def test_of_many_clients_with_one_refresh_token_one_wins_and_the_session_ends(replicas: Pair) -> None:
    one_wins(list(replicas))


def test_of_many_clients_with_one_refresh_token_one_wins_on_sqlite(tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", SAMPLE_USERS[:3])
    with gunicorn(environ, workers=2) as url:
        one_wins([Server(url, workers=2)])


def test_a_logout_counts_at_once_where_it_happened_and_soon_everywhere(replicas: Pair) -> None:
    access, refresh = tokens_of(replicas[0], SAMPLE_USERS[0])
    other, _ = tokens_of(replicas[1], SAMPLE_USERS[0])
    assert codes(replicas, access) == GOOD
    with closing(replicas[0].connect()) as connection:
        assert ask(connection, "DELETE", "/api/auth", access).status == 200
        assert ask(connection, "GET", "/api/protected_route", access).code == "revoked_token"
    wait_until(lambda: codes(replicas, access) == REVOKED)
    assert replicas[1].refresh(refresh).code == "invalid_refresh_token"
    assert codes(replicas, other) == GOOD


COMMANDS = {
    "disabled": (SAMPLE_USERS[1], ["users", "disable", SAMPLE_USERS[1].username]),
    "new password": (SAMPLE_USERS[2], ["users", "set-password", SAMPLE_USERS[2].email]),
    "all of theirs": (SAMPLE_USERS[3], ["tokens", "revoke", "--user", SAMPLE_USERS[3].username]),
    "all of everybody's": (SAMPLE_USERS[4], ["tokens", "revoke", "--all"]),
}


@pytest.mark.parametrize(("person", "command"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_ends_what_every_worker_took(
    replicas: Pair, flask: FlaskProgram, person: SampleUser, command: list[str]
) -> None:
    given = [tokens_of(server, person) for server in replicas]
    bystander, _ = tokens_of(replicas[0], SAMPLE_USERS[0])
    assert [codes(replicas, access) for access, _ in given] == [GOOD, GOOD]
    assert flask(*command, stdin="another good password").returncode == 0
    wait_until(lambda: [codes(replicas, access) for access, _ in given] == [REVOKED, REVOKED])
    assert {replicas[1].refresh(refresh).code for _, refresh in given} == {"invalid_refresh_token"}
    assert codes(replicas, bystander) == (REVOKED if "--all" in command else GOOD)


def test_what_was_ended_is_so_after_a_restart(replicas: Pair) -> None:
    ended, _ = tokens_of(replicas[0], SAMPLE_USERS[5])
    kept, refresh = tokens_of(replicas[1], SAMPLE_USERS[5])
    assert replicas[0].ask("DELETE", "/api/auth", ended).status == 200
    for server in replicas:
        server.replace_workers()
    assert (codes(replicas, ended), codes(replicas, kept)) == (REVOKED, GOOD)
    assert replicas[0].refresh(refresh).status == 200


def test_the_guard_makes_no_query(replicas: Pair, environ: dict[str, str]) -> None:
    access, _ = tokens_of(replicas[0], SAMPLE_USERS[6])
    assert codes(replicas, access) == GOOD

    def client(number: int) -> set[int]:
        with closing(replicas[number % 2].connect()) as connection:
            return {ask(connection, "GET", "/api/protected_route", access).status for _ in range(250)}

    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as connection:
        before = looks(connection)
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(client, range(8))) == [{200}] * 8
        assert looks(connection) - before < 500  # of 2,000 requests; the workers look for revocations each second


def looks(connection: psycopg.Connection[tuple[int]]) -> int:
    """Return how often a table of the database was looked into, by whomever."""
    row = connection.execute("SELECT sum(seq_scan + coalesce(idx_scan, 0))::int FROM pg_stat_user_tables").fetchone()
    assert row is not None
    return row[0]
