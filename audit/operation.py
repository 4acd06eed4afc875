"""The operation in progress: what is known about it, and how long its steps take, for the event that it writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Literal

from audit.events import Member

Step = Literal["store", "hash", "sign"]


class Operation:
    """A login, a refresh or a password change. Used by one thread."""

    def __init__(self) -> None:
        self.known: dict[str, Member] = {}
        """The members of the event that are known so far."""
        self._began = perf_counter()
        self._seconds: dict[str, float] = {}

    def durations(self) -> dict[str, Member]:
        """Return the milliseconds of each step and of the whole operation."""
        seconds = {**self._seconds, "total": perf_counter() - self._began}
        return {f"{name}_ms": round(value * 1000, 1) for name, value in seconds.items()}

    @contextmanager
    def step(self, name: Step) -> Iterator[None]:
        """Measure the block, except the steps within it."""
        began, measured = perf_counter(), sum(self._seconds.values())
        try:
            yield
        finally:
            within = sum(self._seconds.values()) - measured
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - began - within


_current: ContextVar[Operation | None] = ContextVar("operation", default=None)


@contextmanager
def operation() -> Iterator[Operation]:
    """Begin an operation of this thread."""
    started = Operation()
    token = _current.set(started)
    try:
        yield started
    finally:
        _current.reset(token)


def note(**members: Member) -> None:
    """Add members to the event of the operation in progress, if there is one."""
    current = _current.get()
    if current:
        current.known |= members


@contextmanager
def timed(name: Step) -> Iterator[None]:
    """Measure the block as a step of the operation in progress, if there is one."""
    current = _current.get()
    if current is None:
        yield
        return
    with current.step(name):
        yield
