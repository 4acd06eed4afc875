"""A login and a refresh need few round trips to PostgreSQL, and a closed connection is replaced without an error."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from database.engine import begin_snapshot, begin_statement
from tests.conftest import new_database
from tests.servers.faulty import FaultyProxy, faulty_proxy
from tests.servers.pgbouncer import pgbouncer
from tests.support.sessions import client_of, log_in, refresh
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE

REPETITIONS = 10
"""A thread reads the revocations once a second, so most repetitions have no round trips except their own."""


@pytest.fixture(params=["PostgreSQL", "PgBouncer"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def proxy(server: str, postgres: str) -> Iterator[FaultyProxy]:
    """A proxy to the server."""
    with TemporaryDirectory() as home, ExitStack() as stack:
        url = postgres if server == "PostgreSQL" else stack.enter_context(pgbouncer(Path(home), postgres))
        yield stack.enter_context(faulty_proxy(urlsplit(url).port or 0))


@pytest.fixture
def environ(proxy: FaultyProxy, postgres: str, tmp_path: Path) -> dict[str, str]:
    environ = user_table(new_database(postgres, tmp_path.name), [ZOE])
    return {**environ, "DATABASE_URL": f"postgresql://app@127.0.0.1:{proxy.port}/{tmp_path.name}"}


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    client = client_of(environ)
    log_in(client)  # the first login reads the decoys, and stores its time
    return client


def fewest_round_trips(proxy: FaultyProxy, work: Callable[[], object]) -> int:
    """Return how many responses the server sends at least during the work."""
    counts = []
    for _ in range(REPETITIONS):
        before = proxy.responses
        work()
        counts.append(proxy.responses - before)
    return min(counts)


def test_refresh_has_a_round_trip_for_each_statement(proxy: FaultyProxy, client: FlaskClient, server: str) -> None:
    tokens = [log_in(client)]
    # The session, the user, the exchange, and the mark of the delivery; PgBouncer needs BEGIN and COMMIT.
    expected = {"PostgreSQL": 4, "PgBouncer": 4 * 3}[server]
    assert fewest_round_trips(proxy, lambda: tokens.append(refresh(client, tokens[-1]))) == expected


def test_login_has_two_transactions(proxy: FaultyProxy, client: FlaskClient, server: str) -> None:
    # The user; and BEGIN with the lock, the session, and COMMIT. One of five logins also deletes expired sessions.
    expected = {"PostgreSQL": 1 + 3, "PgBouncer": 3 + 3}[server]
    assert fewest_round_trips(proxy, lambda: log_in(client)) == expected


def test_closed_connections_are_replaced(proxy: FaultyProxy, client: FlaskClient) -> None:
    tokens, accepted = log_in(client), proxy.accepted
    proxy.close_connections()
    refresh(client, tokens)
    assert proxy.accepted > accepted


def test_each_transaction_is_limited_and_durable(environ: dict[str, str]) -> None:
    """The default of this server acknowledges a commit before it is written to a file."""
    engine = engine_of(environ)
    for setting, value in (("statement_timeout", "5s"), ("synchronous_commit", "on")):
        for begin in (begin_snapshot, type(engine).begin, type(engine).connect):
            with begin(engine) as connection:
                assert connection.scalar(text(f"SHOW {setting}")) == value
        with begin_statement(engine) as cursor:
            assert cursor.execute(f"SHOW {setting}").fetchone() == (value,)
    engine.dispose()


def test_statement_is_prepared_for_a_server_process_of_its_own(environ: dict[str, str], server: str) -> None:
    engine = engine_of(environ)
    for _ in range(10):
        with begin_statement(engine) as cursor:
            (prepared,) = cursor.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert prepared == {"PostgreSQL": 1, "PgBouncer": 0}[server]
    engine.dispose()


def test_queries_of_a_snapshot_see_the_same_state(environ: dict[str, str]) -> None:
    engine = engine_of(environ)
    count = "SELECT count(*) FROM latchkey_roles"
    with begin_snapshot(engine) as snapshot:
        before = snapshot.scalar(text(count))
        with engine.begin() as other:
            other.execute(text("INSERT INTO latchkey_roles (name) VALUES ('added')"))
        assert snapshot.scalar(text(count)) == before
    with begin_statement(engine) as cursor:
        assert cursor.execute(count).fetchone() == ((before or 0) + 1,)
    engine.dispose()
