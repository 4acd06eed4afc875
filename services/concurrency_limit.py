"""A limit on how many threads do the same thing concurrently."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from config.forks import reset_in_forks
from passwords.errors import Overloaded


class ConcurrencyLimit:
    """A number of slots. A thread that finds none is rejected immediately: it never waits. Thread-safe."""

    def __init__(self, slots: int) -> None:
        self._count = slots
        reset_in_forks(self._reset)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Occupy a slot during the block. Raises Overloaded if all are occupied."""
        if not self._slots.acquire(blocking=False):
            raise Overloaded
        try:
            yield
        finally:
            self._slots.release()

    def _reset(self) -> None:
        self._slots = BoundedSemaphore(self._count)
