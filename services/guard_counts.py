"""How many requests the guards of this process have allowed and refused."""

from collections import Counter
from threading import Lock

from config.forks import reset_in_forks

ALLOWED = "allowed"

_counts: Counter[str] = Counter()
_lock: Lock


def _reset() -> None:
    """Count from zero, with a lock that no thread of the parent process holds."""
    global _lock  # noqa: PLW0603 - one for the process, as the counts
    _lock = Lock()
    _counts.clear()


reset_in_forks(_reset)


def count_request(outcome: str) -> None:
    """Count a request: ALLOWED, or the code of the refusal."""
    with _lock:
        _counts[outcome] += 1


def take_counts() -> dict[str, int]:
    """Return the counts since the last call, or since the process began."""
    with _lock:
        counts = dict(_counts)
        _counts.clear()
    return counts
