"""Reports a provider that exceeds its time limit, while its calls are still waiting."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic, sleep

from config.forks import reset_in_forks
from providers.interface import TIME_LIMIT_SECONDS

log = logging.getLogger(__name__)

_CHECKS_PER_LIMIT = 10


@dataclass(eq=False, slots=True)
class _Call:
    provider: str
    began: float


class ProviderWatch:
    """Logs once that a provider exceeds the time limit, and once that it responds within the limit again. Thread-safe.

    A thread checks the calls. It exists only while there are calls, so an idle process has none.
    """

    def __init__(self, limit: float = TIME_LIMIT_SECONDS) -> None:
        """`limit` is in seconds."""
        self._limit = limit
        reset_in_forks(self._reset)

    def _reset(self) -> None:
        """Forget all calls. A fork inherits neither the thread nor a usable lock."""
        self._lock = Lock()
        self._thread: Thread | None = None
        self._calls: dict[_Call, None] = {}  # the oldest first
        self._late: set[str] = set()
        self._reported_at: dict[str, float] = {}

    @contextmanager
    def call(self, provider: str) -> Iterator[None]:
        """Watch the block, which is a call of the provider with this name."""
        call = _Call(provider, monotonic())
        with self._lock:
            if self._thread is None:
                thread = Thread(target=self._run, name="provider watch", daemon=True)
                thread.start()
                self._thread = thread
            self._calls[call] = None
        try:
            yield
        finally:
            self._finish(call)

    def _finish(self, call: _Call) -> None:
        in_time = monotonic() - call.began <= self._limit
        with self._lock:
            del self._calls[call]
            has_recovered = in_time and call.provider in self._late
            if has_recovered:
                self._late.discard(call.provider)
        if has_recovered:
            log.info("the provider %s responds again", call.provider)

    def _run(self) -> None:
        while True:
            sleep(self._limit / _CHECKS_PER_LIMIT)
            with self._lock:
                if not self._calls:
                    self._thread = None
                    return
                late = self._report_late(monotonic())
            for provider in late:
                found = "the provider %s has not responded for %g seconds, which is its time limit"
                log.warning(found, provider, self._limit)

    def _report_late(self, now: float) -> list[str]:
        """Return the providers whose outage has not been reported."""
        late = []
        for call in self._calls:
            if now - call.began <= self._limit:
                break
            # A call that was waiting at the last report belongs to the outage that this report was about.
            if call.provider not in self._late and call.began > self._reported_at.get(call.provider, 0):
                self._late.add(call.provider)
                self._reported_at[call.provider] = now
                late.append(call.provider)
        return late


_watch = ProviderWatch()
watch_call = _watch.call
"""Watches a block in this process, as `ProviderWatch.call` does, with the time limit of the provider interface."""
