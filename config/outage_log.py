"""Log messages that would be repeated for each request during an outage."""

import logging
from time import monotonic

from config.forks import ForkSafeLock

INTERVAL_SECONDS = 60.0
MAX_REASONS = 100


class OutageLog:
    """Logs each reason once, and then at most once a minute, with the number of repetitions. Thread-safe.

    The repetitions are logged at the level DEBUG.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lock = ForkSafeLock()
        self._reasons: dict[str, tuple[float, int]] = {}
        """When each reason was logged, and how often it has occurred since. The one that was logged first is first."""

    def error(self, message: str, *values: object, reason: str) -> None:
        """Log an error."""
        self._log_unless_repeated(logging.ERROR, message, values, reason)

    def warning(self, message: str, reason: object) -> None:
        """Log a warning, in which `%s` is replaced with the reason."""
        self._log_unless_repeated(logging.WARNING, message, (reason,), message % reason)

    def _log_unless_repeated(self, level: int, message: str, values: tuple[object, ...], reason: str) -> None:
        repetitions = self._repetitions(reason)
        if repetitions is None:
            level = logging.DEBUG
        elif repetitions:
            message, values = f"{message} (and %d more times since the last such line)", (*values, repetitions)
        self._log.log(level, message, *values)

    def _repetitions(self, reason: str) -> int | None:
        """Return how often the reason was not logged since it was logged last; None if it must not be logged now."""
        now = monotonic()
        with self._lock:
            logged_at, repetitions = self._reasons.get(reason, (-INTERVAL_SECONDS, 0))
            if now - logged_at < INTERVAL_SECONDS:
                self._reasons[reason] = logged_at, repetitions + 1
                return None
            self._reasons.pop(reason, None)
            if len(self._reasons) >= MAX_REASONS:
                del self._reasons[next(iter(self._reasons))]
            self._reasons[reason] = now, 0
            return repetitions
