"""Sessions end with their access tokens, or not at all, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from database.errors import DatabaseUnavailable
from database.session_table import SessionTable, end_user_sessions
from database.user_editor import UserEditor
from tests.conftest import new_database
from tests.database.conftest import opened
from tests.servers.process import wait_until
from tests.support.session_rows import LATER, MINUTE, NOW, OPENED, ids, lose, of, somebody_waits


@pytest.fixture
def table(engine: Engine) -> SessionTable:
    """A table without sessions."""
    return SessionTable(engine)


def test_a_session_ends_once_and_its_access_tokens_with_it(table: SessionTable) -> None:
    assert table.open(OPENED, 0)
    assert table.open(replace(OPENED, id="another"), 0)
    assert table.end("a session")
    assert not table.end("a session")
    assert (table.find("a session"), table.find("another")) == (None, replace(OPENED, id="another"))
    assert not table.rotate(OPENED, "good", "next", LATER, LATER)
    (revocation,) = table.revocations_after(0)
    assert (revocation.ended, revocation.expires_at) == ("a session", OPENED.access_until)
    assert (revocation.idp, revocation.username_folded, revocation.issued_before) == (None, None, None)


def test_a_session_without_access_tokens_ends_without_a_revocation(table: SessionTable) -> None:
    assert table.open(replace(OPENED, access_until=NOW - MINUTE), 0)
    assert table.end("a session")
    assert table.revocations_after(0) == []


def test_to_end_the_tokens_of_a_session_ends_it_whether_it_is_there_or_not(table: SessionTable) -> None:
    assert table.open(OPENED, 0)
    for name in ("a session", "a token"):
        table.revoke_tokens(name, LATER)
    assert table.find("a session") is None
    assert {row.ended for row in table.revocations_after(0)} == {"a session", "a token"}
    assert {row.ended for row in table.revocations_after(0) if row.expires_at == LATER} == {"a session", "a token"}


@pytest.mark.parametrize(
    ("end", "begins"),
    [
        (lambda table: table.end_all(), False),
        (lambda table: table.end_user_sessions("ZOÉ"), False),
        (lambda table: table.end_user_sessions("zoé", "static"), False),
        (lambda table: table.end_user_sessions("zoé", "ldap"), True),
        (lambda table: table.end_user_sessions("zoe"), True),
        (lambda table: table.revoke_tokens("another", LATER), True),
    ],
    ids=["all", "of user", "of user here", "of user elsewhere", "of somebody else", "one"],
)
def test_a_session_begins_unless_all_its_user_had_was_ended_meanwhile(
    engine: Engine, end: Callable[[SessionTable], object], begins: bool
) -> None:
    table = SessionTable(engine)
    end(table)
    assert table.open(OPENED, 0) is begins
    assert ids(engine) == ["a session"] * begins
    assert table.open(replace(OPENED, id="another"), table.revocations_after(0)[-1].id)


def test_on_postgresql_a_session_waits_until_it_is_sure_what_was_ended(postgres: str) -> None:
    engine = opened(new_database(postgres, "overlap"))

    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            assert end_user_sessions(connection, "zoé", None) == 0
            begun = threads.submit(SessionTable(engine).open, OPENED, 0)
            wait_until(lambda: somebody_waits(engine) or begun.done())
            assert not begun.done()
        assert begun.result(60) is False


@pytest.mark.parametrize(
    ("idp", "left"),
    [
        (None, ["ldap:zoé smith", "static:zoe"]),
        ("ldap", ["ldap:zoé smith", "static:ZOÉ", "static:zoe"]),
        ("database", ["ldap:zoe\u0301", "ldap:zoé smith", "static:ZOÉ", "static:zoe"]),
    ],
)
def test_a_users_sessions_end_whatever_the_case_and_nobody_elses(
    engine: Engine, idp: str | None, left: list[str]
) -> None:
    table = SessionTable(engine)
    for username, provider in [("ZOÉ", "static"), ("zoe\u0301", "ldap"), ("zoe", "static"), ("zoé smith", "ldap")]:
        assert table.open(of(username, provider), 0)
    asked = datetime.now(UTC)
    assert table.end_user_sessions("Zoé", idp) == 4 - len(left)
    assert ids(engine) == left
    *of_sessions, last = table.revocations_after(0)
    assert len(of_sessions) == 4 - len(left)
    assert {row.ended for row in of_sessions}.isdisjoint({*left, None})
    assert (last.ended, last.idp, last.username_folded) == (None, idp, "zoé")
    assert last.issued_before
    # Times in tokens are whole seconds: what was issued in this one is ended too.
    assert timedelta() < last.issued_before - asked < timedelta(minutes=5)
    assert last.issued_before.microsecond == 0


def test_the_end_of_everything_leaves_no_session(engine: Engine) -> None:
    table = SessionTable(engine)
    for username in ("zoé", "o'brien"):
        assert table.open(of(username, "static"), 0)
    asked = datetime.now(UTC)
    assert table.end_all() == 2
    assert ids(engine) == []
    (revocation,) = table.revocations_after(0)
    assert (revocation.ended, revocation.idp, revocation.username_folded) == (None, None, None)
    assert revocation.issued_before
    assert timedelta() < revocation.issued_before - asked < timedelta(minutes=5)
    assert revocation.issued_before.microsecond == 0


@pytest.mark.parametrize(
    "end",
    [
        lambda table: table.end("database:Zoé"),
        lambda table: table.end_user_sessions("zoé", "database"),
        lambda table: table.end_all(),
    ],
    ids=["one", "of user", "all"],
)
def test_a_session_whose_access_tokens_cannot_be_ended_does_not_end(
    engine: Engine, end: Callable[[SessionTable], object]
) -> None:
    table = SessionTable(engine)
    assert table.open(of("Zoé", "database"), 0)
    lose(engine, "revocations")
    with pytest.raises(DatabaseUnavailable, match="make migrate"):
        end(table)
    assert ids(engine) == ["database:Zoé"]


def test_a_user_is_changed_with_their_sessions_or_not_at_all(engine: Engine) -> None:
    users = UserEditor(engine, "tests")
    users.add("Zoé", "zoe@example.org", "hash")
    assert SessionTable(engine).open(of("Zoé", "database"), 0)
    lose(engine, "revocations")
    with pytest.raises(DatabaseUnavailable):
        users.set_active("zoe@example.org", active=False)
    with pytest.raises(DatabaseUnavailable):
        users.set_password("zoé", "another")
    with pytest.raises(DatabaseUnavailable):
        users.delete("zoé")
    with pytest.raises(DatabaseUnavailable):
        users.change("zoé", lambda row: replace(row, username="zoe"))
    assert [event.action for event in users.users.history("zoé")] == ["user_added"]
    row = users.users.find("zoé")
    assert row is not None
    assert (row.active, row.password_hash, ids(engine)) == (True, "hash", ["database:Zoé"])


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda users: users.set_active("zoe@example.org", active=False), 1),
        (lambda users: users.set_password("ZOÉ", "another"), 1),
        (lambda users: users.delete("zoé"), 1),
        (lambda users: users.change("zoé", lambda row: replace(row, username="zoe")), 1),
        (lambda users: users.set_active("zoé", active=True), 2),
        (lambda users: users.change("zoé", lambda row: replace(row, roles=("admin",))), 2),
    ],
    ids=["disable", "new password", "delete", "rename", "enable", "roles"],
)
def test_a_user_who_is_put_out_loses_what_this_table_gave_them(
    engine: Engine, change: Callable[[UserEditor], object], left: int
) -> None:
    users, table = UserEditor(engine, "tests"), SessionTable(engine)
    users.add("Zoé", "zoe@example.org", "hash")
    assert table.open(of("Zoé", "database"), 0)
    assert table.open(of("Zoé", "ldap"), 0)
    change(users)
    assert ids(engine) == ["database:Zoé", "ldap:Zoé"][2 - left :]
