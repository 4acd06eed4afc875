"""What the login throttle requires of the storage of its counters."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class CounterStorage(Protocol):
    """Counters that each end after a period, which begins with the first count. Thread-safe.

    A method accepts several counters, because Redis needs one round trip for all of them.
    """

    @property
    def is_lost(self) -> bool:
        """Whether the storage could not be used at the last attempt."""
        ...

    def counts(self, keys: Sequence[str]) -> list[int]:
        """Return the count of each counter; 0 if there is none."""
        ...

    def update(self, counted: Mapping[str, int], forgotten: Sequence[str] = ()) -> None:
        """Forget counters, then add one to others, whose values are the seconds after which they end."""
        ...

    def get_expiry(self, key: str) -> float:
        """Return the time of day at which the counter ends; the current time if there is none."""
        ...
