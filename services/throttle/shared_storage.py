"""Counters in Redis, which all processes share, and in memory while Redis is unavailable."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from config.forks import ForkSafeLock
from services.throttle.memory_storage import BoundedMemoryStorage

log = logging.getLogger(__name__)

T = TypeVar("T")

KEY_PREFIX = "latchkey"
TIMEOUT = 0.5
"""The seconds that a login waits for Redis, twice at most."""
RETRY_INTERVAL = 1.0
"""The seconds between two attempts to use Redis again. One login makes the attempt, and the others do not wait."""


def open_redis(url: str) -> RedisStorage:
    """Return the counters in Redis. Does not connect. Raises ValueError if the URL has an invalid option."""
    # One retry, because Redis may have closed a connection of the pool.
    options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 1)}
    return RedisStorage(url, key_prefix=KEY_PREFIX, **options)  # type: ignore[arg-type]  # the options of redis.Redis


class SharedStorage:
    """Counts in Redis, and also in memory, which is read only while Redis is unavailable. Thread-safe.

    So when Redis is lost, the failures that this process has seen remain counted. The loss and the return are logged,
    each once.
    """

    def __init__(self, shared: RedisStorage, local: BoundedMemoryStorage) -> None:
        self._shared = shared
        self._local = local
        self._lock = ForkSafeLock()
        self.is_lost = False
        """Whether Redis could not be used at the last attempt."""
        self._retry_at = 0.0

    def counts(self, keys: Sequence[str]) -> list[int]:
        """Return the count of each counter; 0 if there is none."""
        return self._ask(lambda: self._shared_counts(keys), lambda: self._local.counts(keys))

    def update(self, counted: Mapping[str, int], forgotten: Sequence[str] = ()) -> None:
        """Forget counters, then add one to others, whose values are the seconds after which they end."""
        self._local.update(counted, forgotten)
        self._ask(lambda: self._update_shared(counted, forgotten), lambda: None)

    def get_expiry(self, key: str) -> float:
        """Return the time of day at which the counter ends; the current time if there is none."""
        return self._ask(lambda: self._shared.get_expiry(key), lambda: self._local.get_expiry(key))

    def _shared_counts(self, keys: Sequence[str]) -> list[int]:
        values = self._shared.storage.mget([*map(self._shared.prefixed_key, keys)])
        return [int(value or 0) for value in values]

    def _update_shared(self, counted: Mapping[str, int], forgotten: Sequence[str]) -> None:
        with self._shared.storage.pipeline() as pipeline:
            for key in forgotten:
                pipeline.delete(self._shared.prefixed_key(key))
            for key, seconds in counted.items():
                pipeline.set(self._shared.prefixed_key(key), 0, ex=seconds, nx=True)
                pipeline.incr(self._shared.prefixed_key(key))
            pipeline.execute()

    def _ask(self, shared: Callable[[], T], local: Callable[[], T]) -> T:
        if not self._may_use_redis():
            return local()
        try:
            answer = shared()
        except (RedisError, OSError, ValueError) as error:  # a ValueError is a value that is not a number
            self._note_loss(error)
            return local()
        if self.is_lost:
            self._note_return()
        return answer

    def _may_use_redis(self) -> bool:
        if not self.is_lost:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + RETRY_INTERVAL
            return True

    def _note_loss(self, error: Exception) -> None:
        with self._lock:
            is_new, self.is_lost = not self.is_lost, True
            self._retry_at = time.monotonic() + RETRY_INTERVAL
        if is_new:
            found = (
                "THROTTLE_STORAGE_URL is unavailable (%s): failed logins are counted in this process until it is back"
            )
            log.error(found, type(error).__name__)

    def _note_return(self) -> None:
        with self._lock:
            is_new, self.is_lost = self.is_lost, False
        if is_new:
            log.warning("THROTTLE_STORAGE_URL is available again: failed logins are counted there")
