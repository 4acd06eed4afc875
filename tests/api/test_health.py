"""`/health`: alive while the process runs, ready while it can handle requests."""

import logging

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from database.schema import REVISIONS, downgrade, upgrade
from tests.servers.process import wait_until
from tests.support.database_outage import Database
from tests.support.error_responses import error_message
from tests.support.sessions import client_of
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    return user_table(migrated_database, [ZOE])


@pytest.fixture
def engine(environ: dict[str, str]) -> Engine:
    return engine_of(environ)


def is_alive(client: FlaskClient) -> bool:
    return has_message(client, "live", "Alive")


def is_ready(client: FlaskClient) -> bool:
    return has_message(client, "ready", "Ready")


def has_message(client: FlaskClient, endpoint: str, message: str) -> bool:
    response = client.get(f"/health/{endpoint}")
    assert response.headers["Cache-Control"] == "no-store"
    return bool(response.get_json() == {"status": 200, "message": message})


def logged_reason(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> str:
    """Return the reason in the log, after checking that the response does not contain it."""
    caplog.clear()
    response = client.get("/health/ready")
    assert error_message(response, 503, "not_ready") == "Not ready: the schema of the database is not current"
    assert response.headers["Retry-After"] == "5"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert response.headers["X-Request-ID"] in record.getMessage()
    return record.getMessage().partition("failed: ")[2]


def test_working_service_is_alive_and_ready(environ: dict[str, str]) -> None:
    client = client_of(environ)
    assert is_alive(client)
    assert is_ready(client)


def test_service_without_a_database_is_ready(client: FlaskClient) -> None:
    assert is_alive(client)
    assert is_ready(client)


@pytest.mark.parametrize("endpoint", ["live", "ready"])
def test_probes_need_no_token_and_accept_only_get(client: FlaskClient, endpoint: str) -> None:
    assert client.get(f"/health/{endpoint}", headers={"Authorization": "Bearer x"}).status_code == 200
    assert client.head(f"/health/{endpoint}").status_code == 200
    assert error_message(client.post(f"/health/{endpoint}"), 405, "method_not_allowed")


def test_service_is_alive_and_not_ready_while_the_database_is_unavailable(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    client, database = client_of(environ), Database(environ["DATABASE_URL"])
    database.make_unavailable()
    response = client.get("/health/ready")
    assert error_message(response, 503, "database_unavailable")
    assert response.headers["X-Request-ID"] in caplog.text
    assert is_alive(client)
    database.make_available()
    wait_until(lambda: is_ready(client))


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_service_is_not_ready_after_a_downgrade_of_the_schema(
    environ: dict[str, str], engine: Engine, caplog: pytest.LogCaptureFixture, revision: str
) -> None:
    client = client_of(environ)
    downgrade(engine, revision)
    found = f"the database has schema revision {revision}, and this version needs {REVISIONS[-1]}"
    assert logged_reason(client, caplog) == f"{found}. Run: make migrate."
    assert is_alive(client)
    upgrade(engine)
    wait_until(lambda: is_ready(client))


def test_service_is_not_ready_without_tables(
    environ: dict[str, str], engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    downgrade(engine, "base")
    assert logged_reason(client, caplog) == "the database has no tables. Run: make migrate."


def test_frequent_probes_do_not_flood_the_log(
    environ: dict[str, str], engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    caplog.clear()
    for _ in range(100):
        assert is_alive(client)
        assert is_ready(client)
    assert caplog.records == []
    downgrade(engine, "base")
    wait_until(lambda: not is_ready(client))
    assert {client.get("/health/ready").status_code for _ in range(100)} == {503}
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_service_is_ready_with_a_newer_schema(environ: dict[str, str], engine: Engine) -> None:
    client = client_of(environ)
    with engine.begin() as connection:
        connection.execute(text("UPDATE latchkey_alembic_version SET version_num = 'newer'"))
    assert is_ready(client)
