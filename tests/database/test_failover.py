"""Several PostgreSQL hosts in DATABASE_URL, and a server that becomes read-only and writable again."""

from pathlib import Path

import psycopg
import pytest

from tests.conftest import new_database
from tests.servers.process import free_port
from tests.support.sessions import client_of, log_in, log_out, send_login
from tests.support.stores import user_table
from tests.support.users import ZOE


@pytest.fixture
def environ(postgres: str, tmp_path: Path) -> dict[str, str]:
    return user_table(new_database(postgres, tmp_path.name), [ZOE])


def set_read_only(url: str, *, read_only: bool) -> None:
    """Let new sessions be read-only, and end the others if they are not."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {read_only}'.encode())
        if read_only:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def test_next_host_is_used_if_the_first_one_is_down(environ: dict[str, str]) -> None:
    server, _, name = environ["DATABASE_URL"].rpartition("/")
    address = server.rpartition("@")[2]
    hosts = f"host=127.0.0.1:{free_port()}&host={address}&target_session_attrs=read-write"
    client = client_of(environ, DATABASE_URL=f"postgresql://app@/{name}?{hosts}")
    assert log_out(client, log_in(client).access).status_code == 200


def test_read_only_server_is_an_outage_that_ends_without_a_restart(environ: dict[str, str]) -> None:
    client = client_of(environ)
    tokens = log_in(client)
    set_read_only(environ["DATABASE_URL"], read_only=True)
    assert {log_out(client, tokens.access).status_code for _ in range(3)} == {503}
    assert "refresh_token" not in (send_login(client).json or {})
    set_read_only(environ["DATABASE_URL"], read_only=False)
    log_out(client, tokens.access)  # closes the read-only connections
    assert log_out(client, log_in(client).access).status_code == 200
