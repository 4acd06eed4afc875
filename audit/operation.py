"""The operation in progress: what is known about it, and how long its steps take, for the event that it writes."""

from contextvars import ContextVar
from time import perf_counter
from typing import Literal, Self

from audit.events import Member

Step = Literal["store", "hash", "sign"]


class Operation:
    """A login, a refresh or a password change: the block of a `with` statement, in one thread."""

    def __init__(self) -> None:
        self.known: dict[str, Member] = {}
        """The members of the event that are known so far."""
        self.seconds: dict[str, float] = {}
        """The duration of each step, without the steps within it."""
        self.measured = 0.0
        """The seconds of all steps."""
        self._began = perf_counter()

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(self, *_exception: object) -> None:
        _current.reset(self._token)

    def durations(self) -> dict[str, Member]:
        """Return the milliseconds of each step and of the whole operation."""
        seconds = {**self.seconds, "total": perf_counter() - self._began}
        return {f"{name}_ms": round(value * 1000, 1) for name, value in seconds.items()}


_current: ContextVar[Operation | None] = ContextVar("operation", default=None)


class timed:  # noqa: N801 - used as a function, like `contextlib.suppress`
    """Measures a block as a step of the operation in progress, if there is one, except the steps within it."""

    __slots__ = ("_began", "_measured", "_name", "_operation")

    def __init__(self, name: Step) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._operation = _current.get()
        if self._operation:
            self._began, self._measured = perf_counter(), self._operation.measured

    def __exit__(self, *_exception: object) -> None:
        if operation := self._operation:
            within = operation.measured - self._measured
            seconds = perf_counter() - self._began - within
            operation.seconds[self._name] = operation.seconds.get(self._name, 0.0) + seconds
            operation.measured += seconds


def note(**members: Member) -> None:
    """Add members to the event of the operation in progress, if there is one."""
    current = _current.get()
    if current:
        current.known |= members
