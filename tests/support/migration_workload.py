"""A workload during migrations: queries and writes without pause, in the columns of the previous version."""

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
FIRST_NUMBER = 1_000_000  # greater than those of the existing rows
NUMBERS_PER_WORKER = 100_000  # more than the rounds of one worker


class Worker:
    """Inserts, reads, updates and deletes a row of every table."""

    def __init__(self, engine: Engine, tables: list[Table], index: int) -> None:
        self._engine = engine
        self._tables = tables
        self._numbers = count(FIRST_NUMBER + index * NUMBERS_PER_WORKER)
        self.rounds = 0
        self.errors: list[str] = []

    def work(self, stop: Event) -> None:
        """Work until `stop` is set, or until an error."""
        while not stop.is_set() and not self.errors:
            try:
                self._round(next(self._numbers))
            except (SQLAlchemyError, AssertionError) as error:
                self.errors.append(str(error))
            self.rounds += 1

    def _round(self, number: int) -> None:
        for table in self._tables:
            with self._engine.begin() as connection:
                connection.execute(insert(table), row_for(table, number))
        for table in self._tables:
            self._run(update(table).where(_is_row(table)).values(row_for(table, number)), _key(table, number))
            with self._engine.begin() as connection:
                found = connection.execute(select(table).where(_is_row(table)), _key(table, number)).all()
            assert len(found) == 1, f"{table.name} lost a row"
        for table in reversed(self._tables):
            self._run(delete(table).where(_is_row(table)), _key(table, number))

    def _run(self, statement: Any, values: dict[str, object]) -> None:
        with self._engine.begin() as connection:
            assert connection.execute(statement, values).rowcount == 1, f"the table lost a row: {statement}"


def _is_row(table: Table) -> Any:
    conditions = [column == bindparam(f"where_{column.name}") for column in table.primary_key]
    return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]


def _key(table: Table, number: int) -> dict[str, object]:
    row = row_for(table, number)
    return {f"where_{column.name}": row[column.name] for column in table.primary_key}


@contextmanager
def concurrent_workload(engine: Engine, tables: list[Table], workers: int = 3) -> Iterator[Callable[[], list[str]]]:
    """Run the workload during the block, and for some rounds before and after it; yields a function: the errors."""
    all_workers = [Worker(engine, tables, index) for index in range(workers)]
    stop = Event()

    def wait_for_rounds() -> None:
        goals = [worker.rounds + ROUNDS for worker in all_workers]
        wait_until(
            lambda: all(
                worker.errors or worker.rounds >= goal for worker, goal in zip(all_workers, goals, strict=True)
            ),
            seconds=60,
        )

    with ThreadPoolExecutor(workers) as threads:
        work = [threads.submit(worker.work, stop) for worker in all_workers]
        try:
            wait_for_rounds()
            yield lambda: [error for worker in all_workers for error in worker.errors]
            wait_for_rounds()
        finally:
            stop.set()
        for future in work:
            future.result(60)
