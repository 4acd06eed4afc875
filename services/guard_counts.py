"""How many requests the guards of this process have allowed and refused."""

from collections import defaultdict
from itertools import count
from threading import Lock

from config.forks import reset_in_forks

ALLOWED = "allowed"

# `next` of a `count` is one step for all threads. A lock for each request takes 1 % of it.
_counters: defaultdict[str, "count[int]"] = defaultdict(count)
_taken: dict[str, int] = {}
_lock: Lock


def _reset() -> None:
    """Count from zero, with a lock that no thread of the parent process holds."""
    global _lock  # noqa: PLW0603 - one for the process, as the counters
    _lock = Lock()
    _counters.clear()
    _taken.clear()


reset_in_forks(_reset)


def count_request(outcome: str) -> None:
    """Count a request: ALLOWED, or the code of the refusal."""
    next(_counters[outcome])


def take_counts() -> dict[str, int]:
    """Return the counts since the last call, or since the process began."""
    counts = {}
    with _lock:
        for outcome, counter in [*_counters.items()]:
            total = next(counter)
            counts[outcome] = total - _taken.get(outcome, 0)
            _taken[outcome] = total + 1  # reading has counted, too
    return counts
