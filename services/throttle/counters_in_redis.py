"""The counters in Redis, for the commands that list and remove them."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis.exceptions import RedisError

from services.throttle.login_throttle import ACCOUNT, ANYWHERE, KEY_NAMESPACE, LOGIN, NOWHERE
from services.throttle.names import account_key, login_key
from services.throttle.shared_storage import open_redis

_BATCH_SIZE = 1000


class StorageUnavailable(Exception):
    """Redis does not respond, or refuses. The text is the name of the error."""


@dataclass(frozen=True)
class StoredCounter:
    """A counter that has not ended."""

    kind: str
    name: str
    """The name of an account or a login, in the form of `login_key`; empty for an address."""
    place: str
    """An address, the beginning of an IPv6 network, ANYWHERE or NOWHERE."""
    count: int
    limit: int
    seconds: int
    """The seconds until it ends."""
    key: str

    @property
    def is_exhausted(self) -> bool:
        """Whether logins are refused because of it."""
        return self.count >= self.limit


class RedisCounters:
    """The counters in Redis. Every method raises StorageUnavailable."""

    def __init__(self, url: str) -> None:
        """Raises ValueError if the URL has an invalid option. Does not connect."""
        self._storage = open_redis(url)

    def ping(self) -> None:
        """Return if Redis responds."""
        with _translate_errors():
            self._storage.get_connection().ping()

    def list(self) -> list[StoredCounter]:
        """Return the counters, those that refuse logins first."""
        with _translate_errors():
            counters = [counter for key in self._keys() if (counter := self._read(key))]
        return sorted(counters, key=lambda one: (not one.is_exhausted, one.kind, one.name, one.place))

    def clear_login(self, logins: Iterable[str]) -> int:
        """Remove the counters of the account that has these logins, and return their number."""
        names = {(kind, key(login)) for login in logins for kind, key in ((LOGIN, login_key), (ACCOUNT, account_key))}
        return self._clear(one for one in self.list() if (one.kind, one.name) in names)

    def clear_place(self, place: str) -> int:
        """Remove the counters of an address or IPv6 network, and return their number."""
        return self._clear(one for one in self.list() if one.place == place)

    def clear_all(self) -> int:
        """Remove all counters, and return their number. The addresses that are known to accounts remain."""
        return self._clear(self.list())

    def _clear(self, counters: Iterable[StoredCounter]) -> int:
        cleared = 0
        with _translate_errors():
            for counter in counters:
                self._storage.clear(counter.key)
                cleared += 1
        return cleared

    def _keys(self) -> Iterator[str]:
        prefix = self._storage.prefixed_key("")
        for key in self._storage.storage.scan_iter(f"{prefix}{KEY_NAMESPACE}/*", _BATCH_SIZE):
            yield key.decode("utf-8", "replace").removeprefix(prefix)

    def _read(self, key: str) -> StoredCounter | None:
        """Return the counter; `None` if it has ended."""
        _, kind, place, rest = key.split("/", 3)
        name, amount, _, _ = rest.rsplit("/", 3)
        count, seconds = self._storage.get(key), math.ceil(self._storage.get_expiry(key) - time.time())
        return StoredCounter(kind, name, place, count, int(amount), seconds, key) if count and seconds > 0 else None


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, ValueError) as error:
        raise StorageUnavailable(type(error).__name__) from error


def describe_place(place: str) -> str:
    """Return a place as text."""
    return {ANYWHERE: "anywhere", NOWHERE: "unknown"}.get(place) or (f"{place}/64" if ":" in place else place)
