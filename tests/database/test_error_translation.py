"""Errors of SQLAlchemy: those that the database causes become DatabaseUnavailable, with a remedy if one is known."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError, ProgrammingError

from database.error_translation import MIGRATE, translate_database_errors
from database.errors import DatabaseUnavailable
from tests.support.stores import engine_of

FREE_SPACE = "Free space on the disk of the SQLite file"
LIMITS = "for limits of file sizes"
WRITABLE = "Give the service's account the right to write to the file and its directory"


def unavailable(engine: Engine, statement: str) -> DatabaseUnavailable:
    """Return the error that takes the place of the statement's own."""
    with pytest.raises(DatabaseUnavailable) as caught, translate_database_errors(), engine.begin() as connection:
        connection.execute(text(statement))
    return caught.value


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM missing",
        "SELECT missing FROM latchkey_users",
        "INSERT INTO latchkey_users (id, missing) VALUES (1, 1)",
    ],
    ids=["table", "column", "inserted column"],
)
def test_missing_table_or_column_lacks_a_migration(engine: Engine, statement: str) -> None:
    error = unavailable(engine, statement)
    assert error.remedy == MIGRATE
    assert "missing" in error.reason
    assert str(error) == f"{error.reason}. {MIGRATE}"


@pytest.mark.parametrize("statement", ["SELECT no_such_function(1)", "SELEKT 1"])
def test_invalid_statement_is_not_an_outage(engine: Engine, statement: str) -> None:
    if engine.name == "postgresql":
        with pytest.raises(ProgrammingError), translate_database_errors(), engine.begin() as connection:
            connection.execute(text(statement))
    else:  # sqlite3 has no error class of its own for them
        assert unavailable(engine, statement).remedy is None


def test_violated_constraint_is_not_an_outage(engine: Engine) -> None:
    with pytest.raises(IntegrityError), translate_database_errors(), engine.begin() as connection:
        connection.execute(text("INSERT INTO latchkey_roles (id, name) VALUES (1, '')"))


def test_value_that_the_database_cannot_store_is_not_an_outage(postgres: str) -> None:
    engine = engine_of({"DATABASE_URL": f"{postgres}postgres"})
    with pytest.raises(DataError), translate_database_errors(), engine.begin() as connection:
        connection.execute(text("SELECT CAST('x' AS INTEGER)"))


def test_error_of_another_library_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), translate_database_errors():
        1 / 0  # noqa: B018 - raises


def test_exhausted_pool_is_an_outage(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/users.db", pool_size=1, max_overflow=0, pool_timeout=0.1)
    with engine.connect():
        error = unavailable(engine, "SELECT 1")
    assert (error.reason, error.remedy) == ("no connection became free in time", None)


def sqlite_error(name: str, message: str = "a message") -> OperationalError:
    """Return SQLAlchemy's error for an error of sqlite3 with the error code of this name."""
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, name), name
    return OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("SQLITE_BUSY", "Another process is using its tables: try again"),
        ("SQLITE_BUSY_SNAPSHOT", "Another process is using its tables: try again"),
        ("SQLITE_CANTOPEN", "If the database is new, run: make migrate"),
        ("SQLITE_CANTOPEN_ISDIR", "If the database is new, run: make migrate"),
        ("SQLITE_READONLY_DBMOVED", WRITABLE),
        ("SQLITE_IOERR_WRITE", f"{FREE_SPACE} or, if it has space, look for faults of the disk, and {LIMITS}"),
        ("SQLITE_FULL", FREE_SPACE),
        ("SQLITE_CORRUPT_INDEX", "The SQLite file is damaged: restore a backup"),
        ("SQLITE_INTERRUPT", None),
    ],
)
def test_extended_error_code_of_sqlite_has_the_remedy_of_its_primary_code(name: str, remedy: str | None) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, translate_database_errors():
        raise sqlite_error(name)
    assert (caught.value.reason, caught.value.remedy) == ("a message", remedy)


def test_error_without_a_code_has_no_remedy() -> None:
    with pytest.raises(DatabaseUnavailable) as caught, translate_database_errors():
        raise DatabaseError("SELECT 1", {}, sqlite3.DatabaseError("file is not a database"))
    assert str(caught.value) == "file is not a database"


def test_only_the_first_line_of_a_message_is_shown() -> None:
    with pytest.raises(DatabaseUnavailable) as caught, translate_database_errors():
        raise OperationalError("INSERT", {}, Exception("rejected by a trigger\nDETAIL: the row ('zoé', 'hash')"))
    assert str(caught.value) == "rejected by a trigger"


def test_read_only_database_has_a_remedy(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/users.db")
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA query_only = ON"))
    error = unavailable(engine, "CREATE TABLE x (id INTEGER)")
    assert (error.reason, error.remedy) == ("attempt to write a readonly database", WRITABLE)


def test_missing_privilege_has_a_remedy(postgres: str) -> None:
    engine = engine_of({"DATABASE_URL": f"{postgres}postgres"})
    statement = "SET ROLE pg_monitor; CREATE TABLE public.x (id INTEGER)"
    assert unavailable(engine, statement).remedy == (
        "Grant the user of DATABASE_URL the right to read and write every table"
    )
