"""Run code while the service is in the middle of a database operation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def call_at_statement(event_name: str, prefix: str | tuple[str, ...], callback: Callable[[], object]) -> Iterator[None]:
    """Call `callback` once, at this SQLAlchemy event of the first statement that starts with `prefix`."""
    waiting = [callback]

    def listen(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        if waiting and statement.lstrip().startswith(prefix):
            waiting.pop()()

    event.listen(Engine, event_name, listen)
    yield
    event.remove(Engine, event_name, listen)
    assert not waiting
