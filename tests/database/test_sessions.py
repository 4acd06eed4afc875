"""Sessions are opened, renewed and cleared away, on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select

from database.errors import DatabaseUnavailable
from database.session_table import PURGE_LIMIT, SessionRow, SessionTable
from database.tables import sessions
from tests.support.session_rows import LATER, MINUTE, NOW, OPENED, ids, lose

RENEWED = replace(OPENED, token_hash="good", spent_hash="spent", delivered=False)


@pytest.fixture
def table(engine: Engine) -> SessionTable:
    """A table without sessions."""
    return SessionTable(engine)


def renew(table: SessionTable, seen: SessionRow, presented: str, following: str = "next") -> bool:
    return table.rotate(seen, presented, following, LATER, LATER)


def test_a_session_is_found_as_it_was_opened(table: SessionTable) -> None:
    table.open(OPENED, 0)
    assert table.find("a session") == OPENED
    assert table.find("A session") is None
    assert not {"good", "spent"} & set(repr(RENEWED).replace("'", " ").split())


def test_a_renewal_spends_what_was_presented_and_waits_for_its_delivery(table: SessionTable) -> None:
    table.open(OPENED, 0)
    assert table.rotate(OPENED, "good", "next", LATER, LATER + MINUTE)
    renewed = replace(
        OPENED,
        token_hash="next",
        spent_hash="good",
        delivered=False,
        expires_at=LATER,
        access_until=LATER + MINUTE,
    )
    assert table.find("a session") == renewed
    table.mark_delivered("a session", "good")
    table.mark_delivered("another", "next")
    assert table.find("a session") == renewed
    table.mark_delivered("a session", "next")
    assert table.find("a session") == replace(renewed, delivered=True)


@pytest.mark.parametrize(
    ("stored", "seen", "presented", "wins"),
    [
        (OPENED, OPENED, "good", True),
        (RENEWED, RENEWED, "good", True),
        (RENEWED, RENEWED, "spent", True),
        (replace(RENEWED, delivered=True), replace(RENEWED, delivered=True), "spent", False),
        (replace(RENEWED, delivered=True), RENEWED, "spent", False),
        (OPENED, OPENED, "another", False),
        (replace(RENEWED, token_hash="newer"), RENEWED, "spent", False),
        (replace(OPENED, token_hash="newer"), OPENED, "good", False),
        (replace(OPENED, id="another"), OPENED, "good", False),
    ],
)
def test_a_renewal_is_for_the_good_token_or_for_the_one_before_an_answer_that_never_left(
    table: SessionTable, stored: SessionRow, seen: SessionRow, presented: str, wins: bool
) -> None:
    table.open(stored, 0)
    assert renew(table, seen, presented) is wins
    after = table.find(stored.id)
    assert after is not None
    assert (after.token_hash == "next") is wins
    assert wins or after == stored


@pytest.mark.parametrize(("stored", "presented"), [(OPENED, "good"), (RENEWED, "spent")])
def test_of_many_who_present_the_same_token_at_once_one_wins(
    table: SessionTable, stored: SessionRow, presented: str
) -> None:
    table.open(stored, 0)
    start = Barrier(8)

    def present(number: int) -> str | None:
        start.wait(60)
        return f"next{number}" if renew(table, stored, presented, f"next{number}") else None

    with ThreadPoolExecutor(8) as threads:
        (winner,) = filter(None, threads.map(present, range(8)))
    after = table.find("a session")
    assert after is not None
    assert (after.token_hash, after.spent_hash) == (winner, presented)


def test_logins_clear_away_what_is_long_over_a_little_at_a_time(engine: Engine) -> None:
    table = SessionTable(engine)
    past = NOW - MINUTE
    for number in range(PURGE_LIMIT + 2):
        with engine.begin() as connection:
            over = replace(OPENED, id=f"over{number}", ends_at=past, expires_at=past, access_until=past)
            connection.execute(sessions.insert(), [vars(over)])
    kept = [replace(OPENED, id="expired", expires_at=past), replace(OPENED, id="quiet", access_until=past)]
    counted = []
    for row in [*kept, OPENED]:
        table.open(row, 0)
        with engine.connect() as connection:
            counted.append(connection.scalars(select(func.count()).select_from(sessions)).one())
    assert counted == [3, 2, 3]
    assert ids(engine) == ["a session", "expired", "quiet"]


def test_without_tables_everything_says_how_to_make_them(engine: Engine) -> None:
    table = SessionTable(engine)
    lose(engine, "sessions")
    lose(engine, "revocations")
    for ask in (
        lambda: table.open(OPENED, 0),
        lambda: table.find("a session"),
        lambda: renew(table, OPENED, "good"),
        lambda: table.mark_delivered("a session", "good"),
        lambda: table.end("a session"),
        lambda: table.revoke_tokens("a token", LATER),
        lambda: table.end_user_sessions("zoé"),
        table.end_all,
        lambda: table.revocations_after(0),
    ):
        with pytest.raises(DatabaseUnavailable, match="make migrate"):
            ask()
