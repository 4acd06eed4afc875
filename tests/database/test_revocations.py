"""The revocation list, on SQLite and on PostgreSQL: a reader that asks for newer ids misses none."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from database import revocation_table as revocations
from database.clock import MAX_CLOCK_ERROR
from database.session_table import SessionTable
from database.tables import revocations as revocations_table
from database.user_editor import UserEditor
from services.sessions.revocations import RevocationList
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.servers.process import wait_until
from tests.support.revocations import claims
from tests.support.session_rows import is_lock_awaited, revocation_ends

LATER = datetime.now(UTC) + timedelta(hours=1)
PAST = datetime.now(UTC) - 2 * MAX_CLOCK_ERROR
WRITERS, REVOCATIONS = 4, 8


def ended(table: SessionTable, last: int = 0) -> list[str | None]:
    return [revocation.ended for revocation in table.revocations_after(last)]


def test_reader_gets_only_new_revocations_in_order(engine: Engine) -> None:
    table = SessionTable(engine)
    for name in ("b", "a", "c"):
        table.revoke_tokens(name, LATER)
    first, second, third = table.revocations_after(0)
    assert [first.ended, second.ended, third.ended] == ["b", "a", "c"]
    assert first.id < second.id < third.id
    assert ended(table, first.id) == ["a", "c"]
    assert ended(table, third.id) == []
    assert revocation_ends(engine) == [("b", LATER), ("a", LATER), ("c", LATER)]


def test_reader_gets_many_revocations_in_batches(engine: Engine) -> None:
    count = 2 * revocations.READ_BATCH + 1
    with engine.begin() as connection:
        connection.execute(insert(revocations_table), [{"ended": f"{n}", "expires_at": LATER} for n in range(count)])
    table, sizes = SessionTable(engine), []

    def fetch(last: int) -> list[revocations.Revocation]:
        batch = table.revocations_after(last)
        sizes.append(len(batch))
        return batch

    in_force = RevocationList(fetch, 60.0)
    in_force.refresh()
    assert (in_force.size, sizes[:4]) == (count, [revocations.READ_BATCH, revocations.READ_BATCH, 1, 0])
    assert all(in_force.is_revoked(claims(jti=f"{number}")) for number in (0, count // 2, count - 1))
    assert not in_force.is_revoked(claims(jti=f"{count}"))


def test_expired_revocation_is_deleted_and_its_id_is_never_reused(engine: Engine) -> None:
    table = SessionTable(engine)
    table.revoke_tokens("valid", LATER)
    table.revoke_tokens("expired", PAST)
    last = table.revocations_after(0)[-1].id
    table.revoke_tokens("new", LATER)
    assert ended(table) == ["valid", "new"]
    assert ended(table, last) == ["new"]


def test_reader_misses_no_revocation_of_concurrent_writers(engine: Engine) -> None:
    table = SessionTable(engine)

    def write(writer: int) -> None:
        for number in range(REVOCATIONS):
            table.revoke_tokens(f"{writer}.{number}", LATER)

    read: list[str | None] = []
    last = 0
    with ThreadPoolExecutor(WRITERS) as threads:
        writers = [threads.submit(write, writer) for writer in range(WRITERS)]
        while any(not writer.done() for writer in writers) or table.revocations_after(last):
            for revocation in table.revocations_after(last):
                read.append(revocation.ended)
                last = revocation.id
        for writer in writers:
            writer.result()
    assert sorted(map(str, read)) == sorted(
        f"{writer}.{number}" for writer in range(WRITERS) for number in range(REVOCATIONS)
    )


def test_on_postgresql_second_writer_waits_for_the_first(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "writers"))
    table = SessionTable(engine)

    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            revocations.insert_revocations(connection, [{"ended": "first", "expires_at": LATER}])
            second: Future[None] = threads.submit(table.revoke_tokens, "second", LATER)
            wait_until(lambda: is_lock_awaited(engine) or second.done())
            assert (second.done(), ended(table)) == (False, [])
        second.result(60)
    assert ended(table) == ["first", "second"]


def test_empty_insert_deletes_no_expired_revocation(engine: Engine) -> None:
    table = SessionTable(engine)
    table.revoke_tokens("expired", PAST)
    with engine.begin() as connection:
        revocations.insert_revocations(connection, [])
        assert connection.scalar(select(func.count()).select_from(revocations_table)) == 1


def of_users(table: SessionTable) -> list[tuple[str | None, str | None]]:
    """Return the provider and the username of each revocation of all tokens of a user."""
    return [(row.idp, row.username_folded) for row in table.revocations_after(0) if row.issued_before]


def test_many_password_changes_of_a_user_leave_one_revocation(engine: Engine) -> None:
    editor, table = UserEditor(engine, "tests"), SessionTable(engine)
    for name in ("zoé", "max"):
        editor.add(name, None, "hash")
        editor.set_password(name, "another")
    for number in range(20):
        editor.change_password(editor.users.require("zoé"), f"hash {number}")
    assert of_users(table) == [("database", "max"), ("database", "zoé")]


@pytest.mark.parametrize(
    ("revoke", "left"),
    [
        (lambda table: table.end_user_sessions("ZOÉ", "ldap"), {(None, "zoé"), ("static", "zoé"), ("ldap", "max")}),
        (lambda table: table.end_user_sessions("ZOÉ"), {("ldap", "max")}),
        (lambda table: table.end_all(), set()),
    ],
    ids=["of a provider", "of all providers", "of all users"],
)
def test_new_revocation_replaces_only_those_that_it_includes(
    engine: Engine, revoke: Callable[[SessionTable], int], left: set[tuple[str | None, str | None]]
) -> None:
    table = SessionTable(engine)
    for name, idp in [("zoé", "ldap"), ("zoé", "static"), ("max", "ldap"), ("zoé", None)]:
        table.revoke_tokens(f"{name} of {idp}", LATER)
    with engine.begin() as connection:
        rows = [("zoé", None), ("zoé", "ldap"), ("zoé", "static"), ("max", "ldap")]
        common = {"ended": None, "issued_before": datetime.now(UTC), "expires_at": LATER}
        connection.execute(insert(revocations_table), [{"username_folded": n, "idp": i, **common} for n, i in rows])
    revoke(table)
    *older, newest = of_users(table)
    assert {*older} == left
    assert newest not in left
    assert len([name for name in ended(table) if name]) == 4


def test_revocation_by_a_process_whose_clock_is_ahead_is_not_replaced(engine: Engine) -> None:
    table = SessionTable(engine)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        table.end_user_sessions("zoé", "ldap")
    table.end_user_sessions("zoé", "ldap")
    assert of_users(table) == [("ldap", "zoé")] * 2


def test_reader_gets_the_newest_of_concurrent_revocations_of_a_user(engine: Engine) -> None:
    table = SessionTable(engine)
    table.end_user_sessions("zoé")
    (first,) = table.revocations_after(0)
    with ThreadPoolExecutor(WRITERS) as threads:
        writers = [threads.submit(table.end_user_sessions, "zoé") for _ in range(WRITERS * REVOCATIONS)]
        last = first.id
        while any(not writer.done() for writer in writers) or table.revocations_after(last):
            for revocation in table.revocations_after(last):
                assert revocation.id > last
                last = revocation.id
        for writer in writers:
            writer.result()
    assert [row.id for row in table.revocations_after(0)] == [last]


@pytest.mark.parametrize("invalid", [{"ended": "a", "issued_before": LATER}, {"ended": None, "issued_before": None}])
def test_database_rejects_a_revocation_of_nothing_or_of_two_things(engine: Engine, invalid: dict[str, Any]) -> None:
    with engine.begin() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(revocations_table), [{**invalid, "expires_at": LATER}])
