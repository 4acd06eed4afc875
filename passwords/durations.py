"""How long this process takes to verify hashes of each scheme and cost."""

from collections import deque

from config.forks import ForkSafeLock
from passwords.costs import HashScheme

_REMEMBERED = 15
MAX_MEASURED_PASSWORD = 128
"""Verifying a longer password may take longer, or no time at all, so it is not measured."""

_lock = ForkSafeLock()
_seconds: dict[HashScheme, deque[float]] = {}


def record_verification(password: str, scheme: HashScheme, seconds: float) -> None:
    """Remember the duration of a verification of a hash of this scheme and cost. Thread-safe."""
    if len(password) <= MAX_MEASURED_PASSWORD:
        with _lock:
            _seconds.setdefault(scheme, deque(maxlen=_REMEMBERED)).append(seconds)


def typical_seconds(scheme: HashScheme) -> float:
    """Return the usual duration of verifying a hash of this scheme and cost; 0 if it is not known. Thread-safe."""
    with _lock:
        # The median. Every start would import `statistics` for it.
        seconds = sorted(_seconds.get(scheme, ()))
        return seconds[len(seconds) // 2] if seconds else 0.0
