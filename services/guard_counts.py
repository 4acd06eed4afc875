"""How many requests the guards of this process have allowed and refused."""

from threading import Lock

from config.forks import reset_in_forks

ALLOWED = "allowed"

_counts: dict[str, int] = {}
_lock: Lock


def _reset() -> None:
    """Count from zero, with a lock that no thread of the parent process holds."""
    global _lock  # noqa: PLW0603 - a lock of Python alone is faster than ForkSafeLock, and each guarded request takes it
    _lock = Lock()
    _counts.clear()


reset_in_forks(_reset)


def count_request(outcome: str) -> None:
    """Count a request: ALLOWED, or the code of the refusal."""
    with _lock:
        _counts[outcome] = _counts.get(outcome, 0) + 1


def take_counts() -> dict[str, int]:
    """Return the counts since the last call, or since the process began."""
    with _lock:
        counts = _counts.copy()
        _counts.clear()
    return counts
