"""Counters in the memory of this process."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
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

    def counts(self, keys: Sequence[str]) -> list[int]:
        """Return the count of each counter; 0 if there is none."""
        now = time.monotonic()
        with self._lock:
            return [counter.count if (counter := self._find(key, now)) else 0 for key in keys]

    def update(self, counted: Mapping[str, int], forgotten: Sequence[str] = ()) -> None:
        """Forget counters, then add one to others, whose values are the seconds after which they end."""
        now = time.monotonic()
        with self._lock:
            for counters in self._by_period.values():
                for key in forgotten:
                    counters.pop(key, None)
            for key, period in counted.items():
                self._add(key, period, now)

    def get_expiry(self, key: str) -> float:
        """Return the time of day at which the counter ends; the current time if there is none."""
        now = time.monotonic()
        with self._lock:
            counter = self._find(key, now)
        return time.time() + (counter.ends - now if counter else 0)

    def reset(self) -> int:
        """Forget all counters, and return their number."""
        with self._lock:
            total = sum(map(len, self._by_period.values()))
            self._by_period.clear()
            return total

    def _add(self, key: str, period: int, now: float) -> None:
        counters = self._by_period.setdefault(period, OrderedDict())
        while counters and next(iter(counters.values())).ends <= now:
            counters.popitem(last=False)
        counter = counters.get(key)
        if counter is None:
            if len(counters) >= self._max_counters:
                counters.popitem(last=False)
            counter = counters[key] = _Counter(0, now + period)
        counter.count += 1

    def _find(self, key: str, now: float) -> _Counter | None:
        for counters in self._by_period.values():
            counter = counters.get(key)
            if counter and counter.ends > now:
                return counter
        return None
