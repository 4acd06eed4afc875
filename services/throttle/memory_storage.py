"""Counters in the memory of this process."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from config.forks import ForkSafeLock

MAX_COUNTERS = 100_000
"""The maximum number of counters with the same period; about 30 MB."""


@dataclass(slots=True)
class _Counter:
    count: int
    ends: float
    """On the monotonic clock, which no change of the time moves."""


class BoundedMemoryStorage:
    """Counts in a bounded amount of memory, in constant time, and without a thread. Thread-safe.

    It does not depend on the time of day. At the limit, the counter that would end first is forgotten.
    """

    def __init__(self, max_counters: int = MAX_COUNTERS) -> None:
        self._max_counters = max_counters
        self._by_period: dict[int, OrderedDict[str, _Counter]] = {}
        """The counters of each period in seconds; those that end first are first."""
        self._lock = ForkSafeLock()

    @property
    def is_lost(self) -> bool:
        """False: memory is available."""
        return False

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the counter, and return its count. The period begins when the counter does."""
        now = time.monotonic()
        with self._lock:
            counters = self._by_period.setdefault(expiry, OrderedDict())
            while counters and next(iter(counters.values())).ends <= now:
                counters.popitem(last=False)
            counter = counters.get(key)
            if counter is None:
                if len(counters) >= self._max_counters:
                    counters.popitem(last=False)
                counter = counters[key] = _Counter(0, now + expiry)
            counter.count += amount
            return counter.count

    def get(self, key: str) -> int:
        """Return the count; 0 if there is no counter."""
        counter = self._find(key)
        return counter.count if counter else 0

    def get_expiry(self, key: str) -> float:
        """Return the time of day at which the counter ends; the current time if there is none."""
        counter = self._find(key)
        return time.time() + (counter.ends - time.monotonic() if counter else 0)

    def clear(self, key: str) -> None:
        """Forget the counter."""
        with self._lock:
            for counters in self._by_period.values():
                counters.pop(key, None)

    def reset(self) -> int:
        """Forget all counters, and return their number."""
        with self._lock:
            total = sum(map(len, self._by_period.values()))
            self._by_period.clear()
            return total

    def _find(self, key: str) -> _Counter | None:
        now = time.monotonic()
        with self._lock:
            for counters in self._by_period.values():
                counter = counters.get(key)
                if counter and counter.ends > now:
                    return counter
        return None
