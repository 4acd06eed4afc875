"""Whoever serves while the database is migrated: asks and writes without pause, in the columns there were before."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from threading import Event
from typing import Any

from sqlalchemy import Engine, Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from tests.servers.process import wait_until
from tests.support.migrations import row_for

ROUNDS = 5
FAR = 1_000_000  # above the rows that are there
MANY = 100_000  # more than the rounds of one worker


class Worker:
    """Adds rows to every table, reads, changes and removes them."""

    def __init__(self, engine: Engine, tables: list[Table], place: int) -> None:
        self._engine = engine
        self._tables = tables
        self._numbers = count(FAR + place * MANY)
        self.rounds = 0
        self.faults: list[str] = []

    def work(self, enough: Event) -> None:
        """Go on until it is enough, or a fault."""
        while not enough.is_set() and not self.faults:
            try:
                self._round(next(self._numbers))
            except (SQLAlchemyError, AssertionError) as error:
                self.faults.append(str(error))
            self.rounds += 1

    def _round(self, number: int) -> None:
        for table in self._tables:
            with self._engine.begin() as connection:
                connection.execute(insert(table), row_for(table, number))
        for table in self._tables:
            self._run(update(table).where(_is_row(table)).values(row_for(table, number)), _key(table, number))
            with self._engine.begin() as connection:
                found = connection.execute(select(table).where(_is_row(table)), _key(table, number)).all()
            assert len(found) == 1, f"{table.name} has lost a row"
        for table in reversed(self._tables):
            self._run(delete(table).where(_is_row(table)), _key(table, number))

    def _run(self, statement: Any, values: dict[str, object]) -> None:
        with self._engine.begin() as connection:
            assert connection.execute(statement, values).rowcount == 1, f"it has lost a row: {statement}"


def _is_row(table: Table) -> Any:
    conditions = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
    return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]


def _key(table: Table, number: int) -> dict[str, object]:
    row = row_for(table, number)
    return {f"key_{column.name}": row[column.name] for column in table.primary_key}


@contextmanager
def serving(engine: Engine, tables: list[Table], workers: int = 3) -> Iterator[Callable[[], list[str]]]:
    """Serve, some rounds before and after what is done meanwhile; yields who tells the faults, if there are any."""
    crew = [Worker(engine, tables, place) for place in range(workers)]
    enough = Event()

    def go_on() -> None:
        goals = [worker.rounds + ROUNDS for worker in crew]
        wait_until(
            lambda: all(one.faults or one.rounds >= goal for one, goal in zip(crew, goals, strict=True)), seconds=60
        )

    with ThreadPoolExecutor(workers) as threads:
        work = [threads.submit(worker.work, enough) for worker in crew]
        try:
            go_on()
            yield lambda: [fault for worker in crew for fault in worker.faults]
            go_on()
        finally:
            enough.set()
        for one in work:
            one.result(60)
