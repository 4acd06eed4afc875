"""The revocation list, on SQLite and on PostgreSQL: a reader that asks for newer ids misses none."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import IntegrityError

from database import revocation_table as revocations
from database.session_table import SessionTable
from database.tables import revocations as revocations_table
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.servers.process import wait_until
from tests.support.session_rows import is_lock_awaited

LATER = datetime.now(UTC) + timedelta(hours=1)
PAST = datetime.now(UTC) - timedelta(seconds=1)
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
    assert (first.expires_at, first.expires_at.tzinfo) == (LATER, UTC)


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


@pytest.mark.parametrize("invalid", [{"ended": "a", "issued_before": LATER}, {"ended": None, "issued_before": None}])
def test_database_rejects_a_revocation_of_nothing_or_of_two_things(engine: Engine, invalid: dict[str, Any]) -> None:
    with engine.begin() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(revocations_table), [{**invalid, "expires_at": LATER}])
