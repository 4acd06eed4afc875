"""Run code while the service is in the middle of a database operation. The drivers report each statement."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import psycopg
import pytest
from sqlalchemy import Pool, event

Prefix = str | tuple[str, ...]


@contextmanager
def observed_statements(observe: Callable[[str], object]) -> Iterator[None]:
    """Call `observe` with the text of each statement of this thread, before its driver executes it."""
    thread = get_ident()  # other threads read revocations, also for services of earlier tests
    observers, failures = [observe], list[BaseException]()

    def report(text: str) -> None:
        if observers and get_ident() == thread:
            try:
                observe(text)
            except BaseException as error:  # noqa: BLE001 - SQLite ignores all, so they are raised below
                failures.append(error)

    def report_to_sqlite(connection: Any, *_: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(report)

    event.listen(Pool, "checkout", report_to_sqlite)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", _before(report, psycopg.Cursor.execute))
        yield
    event.remove(Pool, "checkout", report_to_sqlite)
    observers.clear()
    for failure in failures:
        raise failure


@contextmanager
def call_before_statement(prefix: Prefix, callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` once, before this thread's first statement that starts with `prefix`."""
    waiting = [callback]

    def observe(text: str) -> None:
        if waiting and text.lstrip().startswith(prefix):
            waiting.pop()()

    with observed_statements(observe):
        yield
    assert not waiting


@contextmanager
def call_after_statement(prefix: Prefix, callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` once, after the transaction of this thread's first statement that starts with `prefix`."""
    waiting, executed, thread = [callback], list[Prefix](), get_ident()

    def finish(*_: object) -> None:
        if waiting and executed and get_ident() == thread:
            waiting.pop()()

    event.listen(Pool, "checkin", finish)
    with call_before_statement(prefix, lambda: executed.append(prefix)):
        yield
    event.remove(Pool, "checkin", finish)
    assert not waiting


def _before(report: Callable[[Any], object], execute: Callable[..., Any]) -> Callable[..., Any]:
    def report_and_execute(cursor: object, query: object, *arguments: object, **options: object) -> Any:
        report(query)
        return execute(cursor, query, *arguments, **options)

    return report_and_execute
