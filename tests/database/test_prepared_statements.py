"""Statements that the driver executes: the same rows as with SQLAlchemy, and no connection remains after an error."""

from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, event, insert, select, text, update

from database.connection_options import RESPONSE_MARGIN_SECONDS, TIMEOUT_SECONDS
from database.engine import begin_statement, limit_statements
from database.errors import DatabaseUnavailable
from database.prepared_statement import PreparedStatement
from database.session_table import SessionTable
from database.tables import roles, sessions
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.support.session_rows import LATER, SESSION

ALL_SESSIONS = select(sessions)
ROLE = PreparedStatement(select(roles.c.name).where(roles.c.name == bindparam("wanted")))


@pytest.fixture
def postgresql(postgres: str, tmp_path: Path) -> Engine:
    return migrated_engine(new_database(postgres, tmp_path.name))


def closed_connections(engine: Engine, statement: str) -> int:
    """Return how many of two idle connections are closed after one of them has executed a statement that fails."""
    with begin_statement(engine), begin_statement(engine):
        pass
    closed: list[object] = []
    event.listen(engine, "close", lambda connection, _record: closed.append(connection))
    with pytest.raises(DatabaseUnavailable), begin_statement(engine) as cursor:
        cursor.execute(statement)
    return len(closed)


def test_rows_are_those_of_sqlalchemy(engine: Engine) -> None:
    SessionTable(engine).open(SESSION, 0)
    with engine.connect() as connection:
        expected = [tuple(row) for row in connection.execute(ALL_SESSIONS)]
    assert PreparedStatement(ALL_SESSIONS).rows(engine, {}) == expected


def test_statement_can_be_part_of_a_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(roles).values(name="added"))
        assert len(ROLE.rows(connection, {"wanted": "added"})) == 1
        connection.rollback()
    assert ROLE.rows(engine, {"wanted": "added"}) == []


def test_update_is_committed_and_counted(engine: Engine) -> None:
    SessionTable(engine).open(SESSION, 0)
    until = LATER.astimezone(timezone(timedelta(hours=2)))
    changed = update(sessions).where(sessions.c.id == bindparam("session_id"))
    extend = PreparedStatement(changed.values(delivered=False, ends_at=bindparam("until")))
    assert extend.execute(engine, {"session_id": "another", "until": until}) == 0
    assert extend.execute(engine, {"session_id": SESSION.id, "until": until}) == 1
    stored = select(sessions.c.delivered).where(sessions.c.ends_at == until)  # SQLite compares the texts
    with engine.connect() as connection:
        assert connection.scalars(stored).all() == [False]


def test_connection_is_closed_after_an_error(engine: Engine) -> None:
    assert closed_connections(engine, "SELECT 1 FROM missing") == 1


def test_missing_table_has_a_remedy(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, begin_statement(engine) as cursor:
        cursor.execute("SELECT 1 FROM missing")
    assert caught.value.remedy == "Run: make migrate"


def test_all_connections_are_closed_if_the_server_closes_one(postgresql: Engine) -> None:
    assert closed_connections(postgresql, "SELECT pg_terminate_backend(pg_backend_pid())") == 2


def test_all_connections_are_closed_if_the_server_is_read_only(postgresql: Engine) -> None:
    with begin_statement(postgresql) as one, begin_statement(postgresql) as other:
        for cursor in (one, other):
            cursor.execute("SET default_transaction_read_only = on")
    assert closed_connections(postgresql, "INSERT INTO latchkey_roles (name) VALUES ('added')") == 2


def test_statement_after_a_long_transaction_has_the_usual_timeout(postgresql: Engine) -> None:
    with postgresql.begin() as connection:
        driver: Any = connection.connection.driver_connection
        limit_statements(connection, None)
        assert driver.response_timeout is None
        connection.execute(text("SELECT 1"))
    with begin_statement(postgresql) as cursor:
        assert cursor.connection is driver
        assert driver.response_timeout == TIMEOUT_SECONDS + RESPONSE_MARGIN_SECONDS
