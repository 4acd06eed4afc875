"""Run code while the service is in the middle of a database operation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def call_at_statement(event_name: str, prefix: str | tuple[str, ...], callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` once, at this SQLAlchemy event of this thread's first statement that starts with `prefix`."""
    waiting, thread = [callback], get_ident()  # other threads read revocations, also for services of earlier tests

    def listen(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        if waiting and get_ident() == thread and statement.lstrip().startswith(prefix):
            waiting.pop()()

    event.listen(Engine, event_name, listen)
    yield
    event.remove(Engine, event_name, listen)
    assert not waiting
