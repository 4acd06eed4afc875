"""PostgreSQL or its pooler is killed under load, or its disk is full: no acknowledged write is lost, and it heals."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import new_database
from tests.servers.gunicorn import gunicorn
from tests.servers.pgbouncer import running_pgbouncer
from tests.servers.postgres import Cluster, cluster
from tests.servers.process import listens, wait_until
from tests.servers.workers import Server
from tests.support.api_client import ApiClient
from tests.support.busy_clients import busy
from tests.support.stores import user_table
from tests.support.users import ZOE, SampleUser
from tests.support.writers import Intruder, Logouts, PasswordChanges, RoleChanges, Sessions, Writer, wait_for_writes

EDITED = SampleUser("edited", "edited@example.org", "the password of the edited user")
OWNER = SampleUser("owner", "owner@example.org", "lampshade quarry violin 0")
VISITOR = SampleUser("visitor", "visitor@example.org", "the password of a visitor")

# The default of this server acknowledges a commit up to ten seconds before it is written to a file.
LOSES_COMMITS = "-c synchronous_commit=off -c wal_writer_delay=10000"
MAX_LINES = 20
"""For each worker and outage: a line for each kind of request and reason, and not one for each request."""

Outage = Callable[[], None]


@pytest.fixture(scope="module")
def database() -> Iterator[Cluster]:
    with TemporaryDirectory() as home, cluster(Path(home), LOSES_COMMITS) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


def down_and_back(end: Callable[[], None], start: Callable[[], None]) -> Outage:
    """Return an outage of at least a second, during which no connection is accepted."""

    def outage() -> None:
        end()
        time.sleep(1)
        start()

    return outage


def fill_disk(database: Cluster) -> None:
    """Let PostgreSQL write no more bytes to files until it has stopped, as it does if its log of writes is full."""
    database.limit_files(0)
    wait_until(lambda: not listens(database.port) and not database.is_running(), 60)


def revoked_token(server: Server) -> str:
    """Return a token that every worker rejects."""
    token = str(server.log_in(VISITOR.email, VISITOR.password).body["data"])
    assert server.request("DELETE", "/api/auth", token).status == 200
    wait_until(lambda: {reply.status for reply in server.request_each_worker(token)} == {401})
    return token


def survive(outages: list[Outage], environ: dict[str, str], log: Path) -> None:
    """Let clients write during the outages, and check what they were told against what is stored."""
    with log.open("wb") as output, gunicorn(environ, workers=2, log=output) as url:
        server, client = Server(url, workers=2), ApiClient(url)
        sessions, logouts = Sessions(client, VISITOR), Logouts(client, VISITOR)
        roles, passwords = RoleChanges(client, ZOE, EDITED), PasswordChanges(client, OWNER)
        intruder = Intruder(client, VISITOR, revoked_token(server))
        writers: list[Writer] = [sessions, logouts, roles, passwords]
        with busy([*writers, intruder]):
            for outage in outages:
                wait_for_writes(writers)
                outage()
            wait_for_writes([*writers, intruder])
        assert [writer.statuses - {200, 503} for writer in writers] == [set()] * 4
        assert intruder.statuses <= {400, 401, 503}
        assert roles.stored() in roles.possible
        assert len(passwords.valid()) == 1
        assert {server.refresh(token).status for token in sessions.refresh_tokens} == {200}
        wait_until(lambda: {reply.status for reply in server.request_each_worker(logouts.revoked[-1])} == {401})
        assert {server.request("GET", "/api/protected_route", token).status for token in logouts.revoked} == {401}
    lines = [line for line in log.read_text().splitlines() if " ERROR " in line or " WARNING " in line]
    assert 0 < len(lines) < 2 * len(outages) * MAX_LINES


def test_killed_restarted_or_full_server_loses_no_acknowledged_write(database: Cluster, folder: Path) -> None:
    environ = user_table(new_database(database.url, "direct"), [ZOE, EDITED, OWNER, VISITOR])
    outages = [
        down_and_back(database.kill, database.start),
        down_and_back(lambda: database.stop("fast"), database.start),
        down_and_back(lambda: database.stop("immediate"), database.start),
        down_and_back(lambda: fill_disk(database), database.start),
    ]
    survive(outages, {**environ, "ADMIN_GRANTABLE_ROLES": "user,editor"}, folder / "log")


def test_killed_pooler_or_server_behind_it_loses_no_acknowledged_write(database: Cluster, folder: Path) -> None:
    environ = user_table(new_database(database.url, "pooled"), [ZOE, EDITED, OWNER, VISITOR])
    with ExitStack() as stack:
        pooler = stack.enter_context(running_pgbouncer(folder, database.url))
        outages = [down_and_back(pooler.kill, pooler.start), down_and_back(database.kill, database.start)]
        environ |= {"ADMIN_GRANTABLE_ROLES": "user,editor", "DATABASE_URL": f"{pooler.url}pooled"}
        survive(outages, environ, folder / "log")
