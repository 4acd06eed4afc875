"""A limit on how many threads do the same thing concurrently."""

from collections import deque

from config.forks import reset_in_forks
from passwords.errors import Overloaded


class ConcurrencyLimit:
    """A number of slots. The block of a `with` statement occupies one.

    A thread that finds none is rejected immediately: it never waits. Thread-safe.
    """

    def __init__(self, slots: int) -> None:
        self._count = slots
        reset_in_forks(self._reset)

    @property
    def occupied(self) -> int:
        """How many slots are occupied."""
        return self._count - len(self._free)

    def __enter__(self) -> None:
        """Occupy a slot. Raises Overloaded if all are occupied."""
        try:
            self._free.pop()
        except IndexError:
            raise Overloaded from None

    def __exit__(self, *_exception: object) -> None:
        self._free.append(None)

    def _reset(self) -> None:
        self._free = deque([None] * self._count)
