"""`flask database copy`: every table of an SQLite database moves to PostgreSQL, and users stay logged in."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, Table, func, insert, literal, select, text

from database.schema import upgrade
from database.session_table import SessionTable
from database.tables import metadata
from database.user_editor import UserEditor
from services.context import services_of
from services.service_tokens import ServiceTokenIssuer
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.support.database_contents import contents
from tests.support.flask_program import ROOT, error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.sessions import client_of, guard_error, log_in, log_out, refresh
from tests.support.stores import HIGH_LIMITS, engine_of, user_table
from tests.support.users import ZOE

USERS = 100_000
_MANY_USERS = f"""
INSERT INTO {{users}}
  (username, username_folded, email, email_folded, password_hash, active, created_at, updated_at)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {USERS})
SELECT 'usér' || n, 'usér' || n, n || '@x', n || '@x', 'hash', n % 10 > 0,
  '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05.000000'
FROM numbers
"""  # noqa: S608 - the name of a table


@pytest.fixture
def source(tmp_path: Path) -> Engine:
    """An engine of an SQLite database with a user, without a deleted one, whose id is the highest."""
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    return engine_of(environ)


@pytest.fixture
def target(postgres: str, tmp_path: Path) -> str:
    """The URL of an empty PostgreSQL database without tables."""
    return new_database(postgres, f"copy of {tmp_path.name}").replace(" ", "%20")


@pytest.fixture
def cli(fork_server: ForkServer, tmp_path: Path, target: str) -> ForkedFlask:
    """The program on the new database."""
    return ForkedFlask(fork_server, tmp_path, DATABASE_URL=target)


def test_users_stay_logged_in_and_revoked_tokens_stay_revoked(cli: ForkedFlask, source: Engine, target: str) -> None:
    sqlite = {"AUTH_PROVIDER": "database", "DATABASE_URL": f"sqlite:///{source.url.database}".replace("file:", "")}
    before = client_of({**sqlite, **HIGH_LIMITS})
    kept, ended = log_in(before), log_in(before)
    assert log_out(before, ended.access).status_code == 200
    editor = UserEditor(source, "tests")
    editor.delete(editor.add("yan", None, "hash", ["user"]).id)
    services = services_of(before.application)
    assert services.service_tokens
    ServiceTokenIssuer(services.issuer, services.service_tokens, "tests").issue("backup", ["user"], 1)
    expected = contents(source)
    assert [name for name, rows in expected.items() if not rows] == [], "add a row of the new table to this test"
    copied = json.loads(cli("database", "copy", "users.db", "--json").stdout)
    assert copied == {"rows": {name: len(rows) for name, rows in expected.items()}}
    engine = engine_of({"DATABASE_URL": target})
    (*_, event) = UserEditor(engine, "tests").users.history()[::-1]
    assert event.action == "database_copied"
    with engine.begin() as connection:
        events = _table("audit_events")
        connection.execute(events.delete().where(events.c.action == "database_copied"))
    assert contents(engine) == expected == contents(source)
    after = client_of({"AUTH_PROVIDER": "database", "DATABASE_URL": target, **HIGH_LIMITS})
    assert guard_error(after, ended.access) == "revoked_token"
    assert guard_error(after, refresh(after, kept).access) == ""


def test_ids_continue_after_the_highest_one_ever_given(cli: ForkedFlask, source: Engine, target: str) -> None:
    revocations = _table("revocations").name
    with source.begin() as connection:
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, 1000)"), {"name": revocations})
    highest = UserEditor(source, "tests").add("yan", None, "hash", ["new"]).id
    assert cli("database", "copy", f"sqlite:///{source.url.database}".replace("file:", "")).returncode == 0
    engine = engine_of({"DATABASE_URL": target})
    assert UserEditor(engine, "tests").add("max", None, "hash", ["other"]).id == highest + 1
    SessionTable(engine).revoke_tokens("x", datetime.now(UTC) + timedelta(hours=1))
    assert [revocation.id for revocation in SessionTable(engine).revocations_after(0)] == [1001]


def test_hundred_thousand_users_are_copied_with_a_progress_bar(cli: ForkedFlask, source: Engine, target: str) -> None:
    users, user_roles = _table("users"), _table("user_roles")
    memberships = select(users.c.id, literal(1)).where(users.c.id > 1)
    with source.begin() as connection:
        connection.execute(text(_MANY_USERS.format(users=users.name)))
        connection.execute(insert(user_roles).from_select(["user_id", "role_id"], memberships))
    code, shown = cli.run_at_terminal("database", "copy", "users.db")
    assert code == 0, shown
    assert "Copying and comparing" in shown
    assert f"{USERS + 1:,}" in shown
    with engine_of({"DATABASE_URL": target}).connect() as connection:
        assert connection.scalar(select(func.count()).select_from(users).where(users.c.active)) == 1 + USERS * 9 // 10
        created = connection.scalar(select(users.c.created_at).where(users.c.username_folded == "usér99999"))
        assert f"{created}" == "2026-01-02 03:04:05.678901+00:00"


def test_target_that_is_not_empty_is_refused_and_not_changed(cli: ForkedFlask, source: Engine, target: str) -> None:
    editor = UserEditor(migrated_engine(target), "tests")
    editor.add("yan", None, "hash")
    before = contents(editor._engine)  # noqa: SLF001
    error = error_line(cli("database", "copy", "users.db"))
    assert error.endswith(" of DATABASE_URL is not empty. Create a new database")
    assert contents(editor._engine) == before  # noqa: SLF001
    assert contents(source)


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["missing.db"], {}, "/missing.db is not a file"),
        (["sqlite:///missing.db"], {}, f"{ROOT}/missing.db is not a file"),
        (["old.db"], {"DATABASE_URL": "sqlite:///other.db"}, "DATABASE_URL is not the URL of a PostgreSQL database"),
        (["old.db"], {}, "/old.db flask database upgrade"),
        (["text.db"], {}, "text.db is not an SQLite database. Name the file of an SQLite database"),
    ],
)
def test_unusable_source_or_target_is_an_error(
    cli: ForkedFlask, tmp_path: Path, arguments: list[str], environ: dict[str, str], message: str
) -> None:
    migrated = engine_of({"DATABASE_URL": f"sqlite:///{tmp_path}/old.db"}, may_create=True)
    upgrade(migrated)
    cli("database", "downgrade", "0005", "--yes", DATABASE_URL=f"sqlite:///{tmp_path}/old.db")
    (tmp_path / "text.db").write_bytes(b"not a database, but long enough for its header " * 100)
    assert message in error_line(cli("database", "copy", *arguments, **environ))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("details = 'a' || char(0) || 'b'", "cannot be stored"),
        ("user_id = 3000000000", "row 1 of the table"),
        ("at = 'yesterday'", "invalid value"),
        ("user_id = 'text'", "cannot be stored"),
    ],
)
def test_value_that_postgresql_cannot_store_is_named_and_nothing_is_copied(
    cli: ForkedFlask, source: Engine, target: str, change: str, message: str
) -> None:
    with source.begin() as connection:
        connection.execute(text(f"UPDATE {_table('audit_events').name} SET {change}"))  # noqa: S608 - one of those above
    error = error_line(cli("database", "copy", "users.db"))
    assert "nothing was copied: " in error
    assert message in error
    assert "audit_events" in error
    assert not any(contents(engine_of({"DATABASE_URL": target})).values())


def _table(name: str) -> Table:
    return next(table for table in metadata.sorted_tables if table.name.endswith(name))
