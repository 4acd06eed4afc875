"""How long a denied login takes: as long as a wrong password has taken lately, also if no entry has the login."""

from collections import OrderedDict, deque
from time import monotonic, sleep

from config.forks import ForkSafeLock

_MAX_ACCOUNTS = 100
_TIMES_OF_ACCOUNT = 5
# The share of the accounts that decides. Otherwise the few accounts with the most expensive hashes, or one account that
# an attacker knows, would decide how long all denied logins occupy a thread.
_SHARE = 0.9


class DenialTimes:
    """The durations of recent logins, up to the answer to the bind. Thread-safe. Each process has its own."""

    def __init__(self, max_seconds: float) -> None:
        """`max_seconds` is the maximum that a denied login takes because of others."""
        self._max_seconds = max_seconds
        self._refused, self._accepted = _Times(), _Times()
        self._lock = ForkSafeLock()

    def start(self) -> "LoginTimer":
        """Return the timer of a login that starts now."""
        return LoginTimer(self)

    def record(self, account: str, seconds: float, *, refused: bool, exists: bool = True) -> None:
        """Record the duration of a login as this account whose password was refused, or accepted.

        If it is not certain that the account `exists`, the duration counts only after an accepted login.
        """
        with self._lock:
            if exists or account in self._accepted:
                (self._refused if refused else self._accepted).add(account, seconds)

    def seconds(self) -> float:
        """Return how long a denied login should take at least."""
        with self._lock:
            # A wrong password may take longer than the right one, because the directory counts it.
            return min(max(self._refused.typical(), self._accepted.typical()), self._max_seconds)


class LoginTimer:
    """Measures one login. For one thread."""

    def __init__(self, times: DenialTimes) -> None:
        self._times = times
        self.restart()

    def restart(self) -> None:
        """Begin again, on another server."""
        self._started_at = monotonic()

    def record(self, account: str, *, refused: bool, exists: bool = True) -> None:
        """Record that the answer to the bind has arrived, as `DenialTimes.record` does."""
        self._times.record(account, monotonic() - self._started_at, refused=refused, exists=exists)

    def wait(self) -> None:
        """Wait until the login has taken as long as other denied logins. The thread should hold no connection."""
        sleep(max(0.0, self._times.seconds() - (monotonic() - self._started_at)))


class _Times:
    """The last durations of the accounts that logged in last."""

    def __init__(self) -> None:
        self._by_account: OrderedDict[str, deque[float]] = OrderedDict()

    def __contains__(self, account: str) -> bool:
        return account in self._by_account

    def add(self, account: str, seconds: float) -> None:
        self._by_account.setdefault(account, deque(maxlen=_TIMES_OF_ACCOUNT)).append(seconds)
        self._by_account.move_to_end(account)
        if len(self._by_account) > _MAX_ACCOUNTS:
            self._by_account.popitem(last=False)

    def typical(self) -> float:
        """Return a duration that few accounts exceed; 0 if none is known."""
        longest = sorted(map(max, self._by_account.values()))
        return longest[int((len(longest) - 1) * _SHARE)] if longest else 0.0
