"""The contents of a database, edits of users, and concurrent calls."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

from sqlalchemy import Engine, select

from database.errors import LastAdmin, NoSuchUser, UserChanged, UserExists
from database.tables import metadata
from database.user_row import UserRow

EDIT_ERRORS = (LastAdmin, NoSuchUser, UserChanged, UserExists)


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def replacing(**fields: Any) -> Callable[[UserRow], UserRow]:
    """Return an edit that gives a user these fields."""
    return lambda row: replace(row, **fields)


def run_concurrently(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Make each call in a thread of its own. Return what each call returned, or the error of the edit."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        start.wait(60)
        try:
            return call()
        except EDIT_ERRORS as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
