"""All that is in a database, changes of users, and who does something at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

from sqlalchemy import Engine, select

from database.errors import LastAdmin, NoSuchUser, UserChanged, UserExists
from database.tables import metadata
from database.user_row import UserRow

REFUSALS = (LastAdmin, NoSuchUser, UserChanged, UserExists)


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def having(**members: Any) -> Callable[[UserRow], UserRow]:
    """Return what gives a user these members."""
    return lambda row: replace(row, **members)


def run_concurrently(acts: Sequence[Callable[[], object]]) -> list[object]:
    """Do everything from as many threads, which start together; returns what each returned, or why it was refused."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait(60)
        try:
            return act()
        except REFUSALS as error:
            return error

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))
