"""What the login throttle requires of the storage of its counters."""

from typing import Protocol


class CounterStorage(Protocol):
    """Counters that each end after a period, which begins with the first count. Thread-safe.

    The storages of the library `limits` are such storages.
    """

    @property
    def is_lost(self) -> bool:
        """Whether the storage could not be used at the last attempt."""
        ...

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the counter, which ends `expiry` seconds after its first count, and return its count."""
        ...

    def get(self, key: str) -> int:
        """Return the count; 0 if there is no counter."""
        ...

    def get_expiry(self, key: str) -> float:
        """Return the time of day at which the counter ends; the current time if there is none."""
        ...

    def clear(self, key: str) -> None:
        """Forget the counter."""
        ...
