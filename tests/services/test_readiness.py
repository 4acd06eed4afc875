"""The readiness of the service: while one thread waits for the database, the others have the last result."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event

import pytest

from config.errors import Problem
from database.errors import DatabaseUnavailable
from services.readiness import Readiness

OUTDATED = Problem("the database", "has no tables")


class Database:
    """A database that responds with a result, or hangs."""

    def __init__(self) -> None:
        self.result: Problem | DatabaseUnavailable | None = None
        self.reads = 0
        self.responds = Event()
        self.responds.set()
        self.asked = Event()

    def read(self) -> Problem | None:
        self.reads += 1
        self.asked.set()
        self.responds.wait(60)
        if isinstance(self.result, DatabaseUnavailable):
            raise self.result
        return self.result


@contextmanager
def hanging(database: Database, readiness: Readiness) -> Iterator[Future[Problem | None]]:
    """Let one thread wait for the database in this block."""
    database.responds.clear()
    database.asked.clear()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(readiness.problem)
        assert database.asked.wait(60)
        try:
            yield waiting
            assert not waiting.done()
        finally:
            database.responds.set()


@pytest.mark.parametrize("result", [None, OUTDATED])
def test_hanging_database_occupies_one_thread_only(result: Problem | None) -> None:
    database = Database()
    readiness = Readiness(database.read, reread_seconds=0)
    database.result = result
    assert readiness.problem() == result
    with hanging(database, readiness) as waiting:
        assert [readiness.problem() for _ in range(100)] == [result] * 100
    assert waiting.result() == result


@pytest.mark.parametrize("result", [None, OUTDATED, DatabaseUnavailable("connection refused")])
def test_many_probes_read_the_database_once(result: Problem | DatabaseUnavailable | None) -> None:
    database = Database()
    readiness = Readiness(database.read, reread_seconds=3600)
    database.result = result
    for _ in range(1000):
        with suppress(DatabaseUnavailable):
            assert readiness.problem() == result
    assert database.reads == 1


def test_service_is_not_ready_during_an_outage() -> None:
    database = Database()
    readiness = Readiness(database.read, reread_seconds=0)
    database.result = DatabaseUnavailable("connection refused")
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="connection refused"):
            readiness.problem()
    with hanging(database, readiness) as waiting, pytest.raises(DatabaseUnavailable, match="connection refused"):
        readiness.problem()
    with pytest.raises(DatabaseUnavailable):
        waiting.result()
    database.result = None
    assert readiness.problem() is None


def test_service_is_not_ready_before_the_database_has_responded() -> None:
    database = Database()
    readiness = Readiness(database.read, reread_seconds=0)
    with hanging(database, readiness), pytest.raises(DatabaseUnavailable, match="has not responded"):
        readiness.problem()
    assert readiness.problem() is None
