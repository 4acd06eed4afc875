"""A limit on the binds as one entry: one at a time, and none for a while after a bind that the server did not answer.

A server computes on after a client has given up. If its users can store password hashes that take minutes to verify,
the binds of one user could otherwise occupy all threads of the server.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import monotonic
from typing import NamedTuple

from config.forks import reset_in_forks
from providers.ldap.client.dn import DN, dn_key, similar_key
from providers.ldap.client.errors import PoolExhausted, RequestUnanswered

# The pauses after the first unanswered bind of an entry, and after the others in turn.
PAUSE_SECONDS = (30.0, 120.0, 480.0, 1800.0)

_MAX_PAUSED = 10_000  # entries


class _Pause(NamedTuple):
    number: int
    began_at: float
    ends_at: float


class BindLimit:
    """Limits the binds as each entry on one server. Thread-safe.

    The `name` of an entry is its DN or its Windows name, in any spelling.
    """

    def __init__(self) -> None:
        self._pauses: dict[DN | str, _Pause] = {}
        reset_in_forks(self._reset)

    @contextmanager
    def turn(self, name: str, deadline: float) -> Iterator[None]:
        """Wait until no other bind as the entry is in progress, and let the others wait.

        Raises RequestUnanswered during a pause, and PoolExhausted if the turn does not come before half of the time to
        `deadline` (monotonic seconds) has passed.
        """
        key = _key(name)
        with self._condition:
            if not self._condition.wait_for(lambda: key not in self._in_progress, max(0, deadline - monotonic()) / 2):
                raise PoolExhausted("other binds as this entry are in progress")
            pause = self._pauses.get(key)
            if pause and monotonic() < pause.ends_at:
                raise RequestUnanswered("a bind as this entry took too long a moment ago, and is not repeated yet")
            self._in_progress.add(key)
        try:
            yield
        finally:
            with self._condition:
                self._in_progress.discard(key)
                self._condition.notify_all()

    def begin_pause(self, name: str) -> None:
        """Refuse binds as the entry for a while, after the server did not answer one in time."""
        with self._condition:
            last = self._pauses.pop(_key(name), None)
            number = min(last.number + 1, len(PAUSE_SECONDS) - 1) if last else 0
            if len(self._pauses) >= _MAX_PAUSED:
                del self._pauses[next(iter(self._pauses))]  # the oldest
            now = monotonic()
            self._pauses[_key(name)] = _Pause(number, now, now + PAUSE_SECONDS[number])

    def record_answer(self, name: str) -> None:
        """Begin with the shortest pause again, after the server answered a bind as the entry."""
        with self._condition:
            self._pauses.pop(_key(name), None)

    def end_pauses_since(self, began_at: float) -> None:
        """End the pauses that began after `began_at` (monotonic), because the server was unavailable to all entries."""
        with self._condition:
            for key, pause in self._pauses.items():
                if pause.began_at >= began_at:
                    self._pauses[key] = pause._replace(ends_at=began_at)

    def _reset(self) -> None:
        self._condition = Condition()
        self._in_progress: set[DN | str] = set()


def _key(name: str) -> DN | str:
    key = similar_key(dn_key(name))
    return key.casefold() if isinstance(key, str) else key
