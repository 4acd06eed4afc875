"""Sessions are opened, rotated and deleted, on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
import time_machine
from sqlalchemy import Engine, func, select

from database.clock import MAX_CLOCK_ERROR
from database.errors import DatabaseUnavailable
from database.session_row import SessionRow
from database.session_table import LOGINS_PER_PURGE, PURGE_LIMIT, SessionTable
from database.tables import sessions
from tests.support.session_rows import LATER, MINUTE, NOW, SESSION, age_rotations, drop_table, session_ids

HOUR = 60 * MINUTE
ROTATED = replace(SESSION, token_hash="good", spent_hash="spent", delivered=False)


@pytest.fixture
def table(engine: Engine) -> SessionTable:
    """A table without sessions."""
    return SessionTable(engine)


def rotate(table: SessionTable, seen: SessionRow, presented: str, following: str = "next") -> bool:
    return table.rotate(seen, presented, following, LATER, LATER)


def test_opened_session_is_found_unchanged(table: SessionTable) -> None:
    table.open(SESSION, 0)
    assert table.find("a session") == SESSION
    assert table.find("A session") is None
    assert not {"good", "spent"} & set(repr(ROTATED).replace("'", " ").split())


def test_rotation_spends_the_presented_token_until_its_successor_is_delivered(table: SessionTable) -> None:
    table.open(SESSION, 0)
    assert table.rotate(SESSION, "good", "next", LATER, LATER + MINUTE)
    rotated = replace(
        SESSION,
        token_hash="next",
        spent_hash="good",
        delivered=False,
        expires_at=LATER,
        access_until=LATER + MINUTE,
    )
    found = table.find("a session")
    assert found is not None
    rotated = replace(rotated, rotated_at=found.rotated_at)
    assert found == rotated
    table.mark_delivered("a session", "good")
    table.mark_delivered("another", "next")
    assert table.find("a session") == rotated
    table.mark_delivered("a session", "next")
    assert table.find("a session") == replace(rotated, delivered=True)


def test_age_of_a_rotation_does_not_depend_on_the_clock_of_the_process(engine: Engine, table: SessionTable) -> None:
    table.open(SESSION, 0)
    with time_machine.travel(NOW + HOUR):
        assert rotate(table, SESSION, "good")
    rotated = table.find("a session")
    assert rotated is not None
    assert rotated.was_rotated_within(HOUR)
    age_rotations(engine, HOUR)
    aged = table.find("a session")
    assert aged is not None
    assert not aged.was_rotated_within(HOUR)
    assert aged.was_rotated_within(2 * HOUR)


def test_new_session_was_not_rotated(table: SessionTable) -> None:
    table.open(SESSION, 0)
    row = table.find("a session")
    assert row is not None
    assert not row.was_rotated_within(HOUR)


@pytest.mark.parametrize(
    ("stored", "seen", "presented", "succeeds"),
    [
        (SESSION, SESSION, "good", True),
        (ROTATED, ROTATED, "good", True),
        (ROTATED, ROTATED, "spent", True),
        (replace(ROTATED, delivered=True), replace(ROTATED, delivered=True), "spent", False),
        (replace(ROTATED, delivered=True), ROTATED, "spent", False),
        (SESSION, SESSION, "another", False),
        (replace(ROTATED, token_hash="newer"), ROTATED, "spent", False),
        (replace(SESSION, token_hash="newer"), SESSION, "good", False),
        (replace(SESSION, id="another"), SESSION, "good", False),
    ],
)
def test_rotation_requires_the_valid_token_or_the_one_before_an_undelivered_response(
    table: SessionTable, stored: SessionRow, seen: SessionRow, presented: str, succeeds: bool
) -> None:
    table.open(stored, 0)
    assert rotate(table, seen, presented) is succeeds
    after = table.find(stored.id)
    assert after is not None
    assert (after.token_hash == "next") is succeeds
    assert succeeds or after == stored


@pytest.mark.parametrize(("stored", "presented"), [(SESSION, "good"), (ROTATED, "spent")])
def test_one_of_concurrent_rotations_of_the_same_token_succeeds(
    table: SessionTable, stored: SessionRow, presented: str
) -> None:
    table.open(stored, 0)
    start = Barrier(8)

    def present(number: int) -> str | None:
        start.wait(60)
        return f"next{number}" if rotate(table, stored, presented, f"next{number}") else None

    with ThreadPoolExecutor(8) as threads:
        (next_hash,) = filter(None, threads.map(present, range(8)))
    after = table.find("a session")
    assert after is not None
    assert (after.token_hash, after.spent_hash) == (next_hash, presented)


def test_some_logins_delete_a_few_expired_sessions(engine: Engine) -> None:
    table = SessionTable(engine)
    past = NOW - 2 * MAX_CLOCK_ERROR
    for number in range(PURGE_LIMIT + 2):
        with engine.begin() as connection:
            expired = replace(SESSION, id=f"expired{number}", ends_at=past, expires_at=past, access_until=past)
            connection.execute(sessions.insert(), [vars(expired)])
    kept = [
        replace(SESSION, id="access token", expires_at=past),
        replace(SESSION, id="refresh token", access_until=past),
    ]
    opened = [*kept, *(replace(SESSION, id=f"session {number}") for number in range(LOGINS_PER_PURGE - 1))]
    counts = []
    for row in opened:
        table.open(row, 0)
        with engine.connect() as connection:
            counts.append(connection.scalars(select(func.count()).select_from(sessions)).one())
    assert counts == [*range(3, LOGINS_PER_PURGE + 3), LOGINS_PER_PURGE + 1]
    assert session_ids(engine) == sorted(row.id for row in opened)


def test_missing_tables_make_each_method_raise_with_the_remedy(engine: Engine) -> None:
    table = SessionTable(engine)
    drop_table(engine, "latchkey_sessions")
    drop_table(engine, "latchkey_revocations")
    for call in (
        lambda: table.open(SESSION, 0),
        lambda: table.find("a session"),
        lambda: rotate(table, SESSION, "good"),
        lambda: table.mark_delivered("a session", "good"),
        lambda: table.end("a session"),
        lambda: table.revoke_tokens("a token", LATER),
        lambda: table.end_user_sessions("zoé"),
        table.end_all,
        lambda: table.revocations_after(0),
    ):
        with pytest.raises(DatabaseUnavailable, match="make migrate"):
            call()
