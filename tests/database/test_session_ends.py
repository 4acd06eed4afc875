"""Sessions end together with their access tokens, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, delete, text

from database.clock import MAX_CLOCK_ERROR
from database.errors import DatabaseUnavailable
from database.revocation_table import insert_revocations
from database.session_ends import end_all_sessions, end_sessions_of_users, end_user_sessions
from database.session_table import SessionTable
from database.tables import sessions
from database.user_editor import UserEditor
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.servers.process import wait_until
from tests.support.session_rows import (
    LATER,
    MINUTE,
    NOW,
    SESSION,
    drop_table,
    is_lock_awaited,
    revocation_ends,
    session_ids,
    session_of,
)


@pytest.fixture
def table(engine: Engine) -> SessionTable:
    """A table without sessions."""
    return SessionTable(engine)


def test_ending_a_session_revokes_its_access_tokens(table: SessionTable, engine: Engine) -> None:
    assert table.open(SESSION, 0)
    assert table.open(replace(SESSION, id="another"), 0)
    assert table.end("a session")
    assert not table.end("a session")
    assert (table.find("a session"), table.find("another")) == (None, replace(SESSION, id="another"))
    assert not table.rotate(SESSION, "good", "next", LATER, LATER)
    (revocation,) = table.revocations_after(0)
    assert revocation_ends(engine) == [("a session", SESSION.access_until)]
    assert (revocation.idp, revocation.username_folded, revocation.issued_before) == (None, None, None)


def test_ending_a_session_without_valid_access_tokens_writes_no_revocation(table: SessionTable) -> None:
    assert table.open(replace(SESSION, access_until=NOW - 2 * MAX_CLOCK_ERROR), 0)
    assert table.end("a session")
    assert table.revocations_after(0) == []


def test_revoking_tokens_ends_their_session_if_it_exists(table: SessionTable, engine: Engine) -> None:
    assert table.open(SESSION, 0)
    for name in ("a session", "a token"):
        table.revoke_tokens(name, LATER)
    assert table.find("a session") is None
    assert revocation_ends(engine) == [("a session", LATER), ("a token", LATER)]


@pytest.mark.parametrize("expiry", [SESSION.access_until - MINUTE, SESSION.access_until + MINUTE])
def test_logout_writes_one_revocation_until_the_last_access_token_expires(
    table: SessionTable, engine: Engine, expiry: datetime
) -> None:
    assert table.open(SESSION, 0)
    table.revoke_tokens("a session", expiry)
    assert revocation_ends(engine) == [("a session", max(expiry, SESSION.access_until))]


@pytest.mark.parametrize(
    ("end", "opens"),
    [
        (lambda table: table.end_all(), False),
        (lambda table: table.end_user_sessions("ZOÉ"), False),
        (lambda table: table.end_user_sessions("zoé", "static"), False),
        (lambda table: table.end_user_sessions("zoé", "ldap"), True),
        (lambda table: table.end_user_sessions("zoe"), True),
        (lambda table: table.revoke_tokens("another", LATER), True),
    ],
    ids=["all", "user", "user of the provider", "user of another provider", "another user", "one token"],
)
def test_session_is_not_opened_after_a_concurrent_revocation_of_its_user(
    engine: Engine, end: Callable[[SessionTable], object], opens: bool
) -> None:
    table = SessionTable(engine)
    end(table)
    assert table.open(SESSION, 0) is opens
    assert session_ids(engine) == ["a session"] * opens
    assert table.open(replace(SESSION, id="another"), table.revocations_after(0)[-1].id)


def test_on_postgresql_opening_a_session_waits_for_a_concurrent_revocation(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "overlap"))

    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            assert end_user_sessions(connection, "zoé", None) == 0
            opening = threads.submit(SessionTable(engine).open, SESSION, 0)
            wait_until(lambda: is_lock_awaited(engine) or opening.done())
            assert not opening.done()
        assert opening.result(60) is False


@pytest.mark.parametrize(
    ("idp", "left"),
    [
        (None, ["ldap:zoé smith", "static:zoe"]),
        ("ldap", ["ldap:zoé smith", "static:ZOÉ", "static:zoe"]),
        ("database", ["ldap:zoe\u0301", "ldap:zoé smith", "static:ZOÉ", "static:zoe"]),
    ],
)
def test_sessions_of_a_user_end_in_any_case_and_no_others(engine: Engine, idp: str | None, left: list[str]) -> None:
    table = SessionTable(engine)
    for username, provider in [("ZOÉ", "static"), ("zoe\u0301", "ldap"), ("zoe", "static"), ("zoé smith", "ldap")]:
        assert table.open(session_of(username, provider), 0)
    before = datetime.now(UTC)
    assert table.end_user_sessions("Zoé", idp) == 4 - len(left)
    assert session_ids(engine) == left
    *of_sessions, last = table.revocations_after(0)
    assert len(of_sessions) == 4 - len(left)
    assert {row.ended for row in of_sessions}.isdisjoint({*left, None})
    assert (last.ended, last.idp, last.username_folded) == (None, idp, "zoé")
    assert last.issued_before
    # Tokens store whole seconds, so those issued in this second are revoked too.
    assert timedelta() < last.issued_before - before < timedelta(minutes=5)
    assert last.issued_before.microsecond == 0


SLOW_DELETION = """
    CREATE FUNCTION wait() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(6); RETURN NULL; END' LANGUAGE plpgsql;
    CREATE TRIGGER wait AFTER DELETE ON latchkey_sessions FOR EACH ROW EXECUTE FUNCTION wait()
"""


def test_user_with_very_many_sessions_can_be_disabled(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "very_many_sessions"))
    users = UserEditor(engine, "tests")
    users.add("Zoé", None, "hash")
    assert SessionTable(engine).open(session_of("Zoé", "database"), 0)
    with engine.begin() as connection:
        connection.execute(text(SLOW_DELETION))  # longer than the timeout of a statement
    users.set_active("zoé", active=False)
    assert session_ids(engine) == []


def test_sessions_without_valid_access_tokens_of_a_user_end_without_a_revocation(engine: Engine) -> None:
    table = SessionTable(engine)
    assert table.open(replace(session_of("zoé", "static"), id="old", access_until=NOW - 2 * MAX_CLOCK_ERROR), 0)
    assert table.open(session_of("zoé", "static"), 0)
    assert table.end_user_sessions("zoé") == 2
    assert session_ids(engine) == []
    assert [row.ended for row in table.revocations_after(0)] == ["static:zoé", None]


def test_ending_all_sessions_leaves_none(engine: Engine) -> None:
    table = SessionTable(engine)
    for username in ("zoé", "o'brien"):
        assert table.open(session_of(username, "static"), 0)
    before = datetime.now(UTC)
    assert table.end_all() == 2
    assert session_ids(engine) == []
    *of_sessions, revocation = table.revocations_after(0)
    # Revoked by their ids, too: the clock of the host that issued their tokens may be ahead.
    assert {row.ended for row in of_sessions} == {"static:zoé", "static:o'brien"}
    assert (revocation.ended, revocation.idp, revocation.username_folded) == (None, None, None)
    assert revocation.issued_before
    assert timedelta() < revocation.issued_before - before < timedelta(minutes=5)
    assert revocation.issued_before.microsecond == 0


@pytest.mark.parametrize(
    "end",
    [end_all_sessions, lambda connection: end_sessions_of_users(connection, ["anna", "zoé"], "static")],
    ids=["all", "many users"],
)
def test_on_postgresql_many_sessions_end_while_one_of_them_ends(
    postgres: str, monkeypatch: pytest.MonkeyPatch, end: Callable[[Connection], int], request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("database.batches.ITEMS_PER_BATCH", 1)
    engine = migrated_engine(new_database(postgres, request.node.callspec.id))
    for username in ("anna", "zoé"):
        assert SessionTable(engine).open(session_of(username, "static"), 0)

    def end_in_transaction() -> int:
        with engine.begin() as connection:
            return end(connection)

    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:  # as a logout does
            connection.execute(delete(sessions).where(sessions.c.username == "zoé"))
            ending = threads.submit(end_in_transaction)
            wait_until(lambda: is_lock_awaited(engine) or ending.done())
            insert_revocations(connection, [{"ended": "static:zoé", "expires_at": LATER}])
        assert ending.result(60) == 1
    assert session_ids(engine) == []
    assert {name for name, _ in revocation_ends(engine)} >= {"static:anna", "static:zoé"}


@pytest.mark.parametrize(
    "end",
    [
        lambda table: table.end("database:Zoé"),
        lambda table: table.end_user_sessions("zoé", "database"),
        lambda table: table.end_all(),
    ],
    ids=["one", "user", "all"],
)
def test_session_does_not_end_if_its_access_tokens_cannot_be_revoked(
    engine: Engine, end: Callable[[SessionTable], object]
) -> None:
    table = SessionTable(engine)
    assert table.open(session_of("Zoé", "database"), 0)
    drop_table(engine, "latchkey_revocations")
    with pytest.raises(DatabaseUnavailable, match="make migrate"):
        end(table)
    assert session_ids(engine) == ["database:Zoé"]


def test_edit_is_rolled_back_if_the_sessions_of_the_user_cannot_end(engine: Engine) -> None:
    users = UserEditor(engine, "tests")
    users.add("Zoé", "zoe@example.org", "hash", ["user"])
    assert SessionTable(engine).open(session_of("Zoé", "database"), 0)
    drop_table(engine, "latchkey_revocations")
    with pytest.raises(DatabaseUnavailable):
        users.set_active("zoe@example.org", active=False)
    with pytest.raises(DatabaseUnavailable):
        users.set_password("zoé", "another")
    with pytest.raises(DatabaseUnavailable):
        users.delete("zoé")
    with pytest.raises(DatabaseUnavailable):
        users.change("zoé", lambda row: replace(row, username="zoe"))
    with pytest.raises(DatabaseUnavailable):
        users.change("zoé", lambda row: replace(row, roles=()))
    assert [event.action for event in users.users.history("zoé")] == ["user_added"]
    row = users.users.find("zoé")
    assert row is not None
    assert (row.active, row.password_hash, session_ids(engine)) == (True, "hash", ["database:Zoé"])


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda users: users.set_active("zoe@example.org", active=False), 1),
        (lambda users: users.set_password("ZOÉ", "another"), 1),
        (lambda users: users.delete("zoé"), 1),
        (lambda users: users.change("zoé", lambda row: replace(row, username="zoe")), 1),
        (lambda users: users.set_active("zoé", active=True), 2),
        (lambda users: users.change("zoé", lambda row: replace(row, roles=("admin",))), 1),
        (lambda users: users.change("zoé", lambda row: replace(row, roles=("admin", "user"))), 2),
    ],
    ids=["disable", "new password", "delete", "rename", "enable", "remove a role", "add a role"],
)
def test_edit_ends_only_the_user_tables_sessions_of_the_user(
    engine: Engine, change: Callable[[UserEditor], object], left: int
) -> None:
    users, table = UserEditor(engine, "tests"), SessionTable(engine)
    users.add("Zoé", "zoe@example.org", "hash", ["user"])
    assert table.open(session_of("Zoé", "database"), 0)
    assert table.open(session_of("Zoé", "ldap"), 0)
    change(users)
    assert session_ids(engine) == ["database:Zoé", "ldap:Zoé"][2 - left :]
