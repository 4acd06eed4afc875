"""Reports a provider that exceeds its time limit, while its calls are still waiting."""

import logging
from threading import Lock, Thread
from time import monotonic, sleep

from config.forks import reset_in_forks
from providers.interface import TIME_LIMIT_SECONDS

log = logging.getLogger(__name__)

_CHECKS_PER_LIMIT = 10


class _Call:
    """A call of a provider: the block of a `with` statement."""

    __slots__ = ("_watch", "began", "provider")

    def __init__(self, watch: "ProviderWatch", provider: str) -> None:
        self._watch = watch
        self.provider = provider

    def __enter__(self) -> None:
        self.began = monotonic()
        self._watch.begin(self)

    def __exit__(self, *_exception: object) -> None:
        self._watch.finish(self)


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

    def call(self, provider: str) -> _Call:
        """Watch a block, which is a call of the provider with this name."""
        return _Call(self, provider)

    def begin(self, call: _Call) -> None:
        """Watch a call that begins now."""
        with self._lock:
            if self._thread is None:
                thread = Thread(target=self._run, name="provider watch", daemon=True)
                thread.start()
                self._thread = thread
            self._calls[call] = None

    def finish(self, call: _Call) -> None:
        """Stop watching a call, which ends now."""
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
