"""A database that can be read and not written lets its users in."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, make_url

from database import engine as engines
from tests.conftest import new_database
from tests.support.hash_samples import SAMPLES
from tests.support.sessions import ask_to_log_in, client_of
from tests.support.stored_hashes import is_policys, zoe
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE

WEAK = next(sample.stored for sample in SAMPLES if sample.scheme == "bcrypt")
NOT_NOTED = "a login could not be noted"


@pytest.fixture
def on_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a PostgreSQL database in which Zoé has a weak hash."""
    return user_table(new_database(postgres, tmp_path_factory.mktemp("unwritable").name), [ZOE], lambda _: WEAK)


def assert_let_in(client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """Assert that Zoé is let in with the hash that she has, and that the log knows why it is still hers."""
    assert ask_to_log_in(client).status_code == 200
    assert zoe(environ).password_hash == WEAK
    assert NOT_NOTED in caplog.text
    assert WEAK not in caplog.text


def assert_upgraded(environ: dict[str, str]) -> None:
    """Assert that the next login is as any other."""
    assert ask_to_log_in(client_of(environ)).status_code == 200
    assert is_policys(zoe(environ).password_hash)


def run(environ: dict[str, str], *statements: str, user: str = "app") -> None:
    """Run statements as the owner of the cluster."""
    url = make_url(environ["DATABASE_URL"]).set(username=user)
    with closing(psycopg.connect(url.render_as_string(), autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_without_the_right_to_write(on_postgres: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    url = make_url(on_postgres["DATABASE_URL"])
    role = f"reader_of_{url.database}".replace("-", "_")
    run(
        on_postgres,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    )
    environ = {**on_postgres, "DATABASE_URL": url.set(username=role).render_as_string()}
    assert_let_in(client_of(environ), environ, caplog)
    run(on_postgres, f"GRANT UPDATE ON users TO {role}")
    assert_upgraded(environ)


def test_a_replica_that_is_only_read(on_postgres: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    url = make_url(on_postgres["DATABASE_URL"])
    read_only = url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    environ = {**on_postgres, "DATABASE_URL": read_only.render_as_string()}
    assert_let_in(client_of(environ), environ, caplog)
    assert_upgraded(on_postgres)


REFUSING = {
    "sqlite": ("CREATE TRIGGER refuse BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END",),
    "postgresql": ("ALTER TABLE users ADD CONSTRAINT elsewhere CHECK (password_hash LIKE '$2_$%%')",),
}


def test_a_rule_of_the_database_against_it(empty_database: str, caplog: pytest.LogCaptureFixture) -> None:
    environ = user_table(empty_database, [ZOE], lambda _: WEAK)
    engine = engine_of(environ)
    with engine.begin() as connection:
        for statement in REFUSING[engine.dialect.name]:
            connection.exec_driver_sql(statement)
    assert_let_in(client_of(environ), environ, caplog)


class _Release(logging.Handler):
    """Gives the database back as soon as a login could not be noted."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(NOT_NOTED):
            self._connection.rollback()


@contextmanager
def held(connection: Connection) -> Iterator[None]:
    """Keep what the connection has locked until a login could not be noted."""
    handler, logger = _Release(connection), logging.getLogger("providers.sql.provider")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def test_somebody_else_who_writes(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environ = user_table(empty_database, [ZOE], lambda _: WEAK)
    monkeypatch.setattr(engines, "TIMEOUT_SECONDS", 1)
    with engine_of(environ).connect() as writer:
        if writer.dialect.name == "sqlite":
            writer.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            writer.exec_driver_sql("SELECT id FROM users FOR UPDATE")
        with held(writer):
            answer = ask_to_log_in(client_of(environ))
    assert answer.status_code == 200
    assert "refresh_token" in answer.get_json()
    assert NOT_NOTED in caplog.text
    assert zoe(environ).password_hash == WEAK
    assert_upgraded(environ)
