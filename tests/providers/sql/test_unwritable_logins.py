"""Logins succeed while the database can be read but not written."""

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
from tests.support.sessions import client_of, send_login
from tests.support.stored_hashes import has_policy_cost, stored_zoe
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE

WEAK = next(sample.stored for sample in SAMPLES if sample.scheme == "bcrypt")
NOT_RECORDED = "a login could not be recorded"


@pytest.fixture
def on_postgres(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a PostgreSQL database in which Zoé has a weak hash."""
    return user_table(new_database(postgres, tmp_path_factory.mktemp("unwritable").name), [ZOE], lambda _: WEAK)


def assert_accepted_without_upgrade(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Assert that Zoé can log in, that her hash is not upgraded, and that the reason is logged."""
    assert send_login(client).status_code == 200
    assert stored_zoe(environ).password_hash == WEAK
    assert NOT_RECORDED in caplog.text
    assert WEAK not in caplog.text


def assert_upgraded(environ: dict[str, str]) -> None:
    """Assert that the next login upgrades the hash."""
    assert send_login(client_of(environ)).status_code == 200
    assert has_policy_cost(stored_zoe(environ).password_hash)


def run(environ: dict[str, str], *statements: str, user: str = "app") -> None:
    """Run statements as the owner of the cluster."""
    url = make_url(environ["DATABASE_URL"]).set(username=user)
    with closing(psycopg.connect(url.render_as_string(), autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_login_succeeds_without_the_privilege_to_write(
    on_postgres: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    url = make_url(on_postgres["DATABASE_URL"])
    role = f"reader_of_{url.database}".replace("-", "_")
    run(
        on_postgres,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    )
    environ = {**on_postgres, "DATABASE_URL": url.set(username=role).render_as_string()}
    assert_accepted_without_upgrade(client_of(environ), environ, caplog)
    run(on_postgres, f"GRANT UPDATE ON latchkey_users, latchkey_sessions TO {role}")
    assert_upgraded(environ)


def test_login_succeeds_in_a_read_only_transaction(
    on_postgres: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    url = make_url(on_postgres["DATABASE_URL"])
    read_only = url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    environ = {**on_postgres, "DATABASE_URL": read_only.render_as_string()}
    assert_accepted_without_upgrade(client_of(environ), environ, caplog)
    assert_upgraded(on_postgres)


REJECT_WRITES = {
    "sqlite": ("CREATE TRIGGER refuse BEFORE UPDATE ON latchkey_users BEGIN SELECT RAISE(ABORT, 'no'); END",),
    "postgresql": ("ALTER TABLE latchkey_users ADD CONSTRAINT elsewhere CHECK (password_hash LIKE '$2_$%%')",),
}


def test_login_succeeds_if_a_constraint_rejects_the_upgrade(
    migrated_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    environ = user_table(migrated_database, [ZOE], lambda _: WEAK)
    engine = engine_of(environ)
    with engine.begin() as connection:
        for statement in REJECT_WRITES[engine.dialect.name]:
            connection.exec_driver_sql(statement)
    assert_accepted_without_upgrade(client_of(environ), environ, caplog)


class _Release(logging.Handler):
    """Ends the transaction when a login could not be recorded."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(NOT_RECORDED):
            self._connection.rollback()


@contextmanager
def locked(connection: Connection) -> Iterator[None]:
    """Keep the locks of the connection until a login could not be recorded."""
    handler, logger = _Release(connection), logging.getLogger("providers.sql.provider")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def test_login_succeeds_while_another_transaction_locks_the_user(
    migrated_database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environ = user_table(migrated_database, [ZOE], lambda _: WEAK)
    monkeypatch.setattr(engines, "TIMEOUT_SECONDS", 1)
    with engine_of(environ).connect() as writer:
        if writer.dialect.name == "sqlite":
            writer.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            writer.exec_driver_sql("SELECT id FROM latchkey_users FOR UPDATE")
        with locked(writer):
            response = send_login(client_of(environ))
    assert response.status_code == 200
    assert "refresh_token" in response.get_json()
    assert NOT_RECORDED in caplog.text
    assert stored_zoe(environ).password_hash == WEAK
    assert_upgraded(environ)
