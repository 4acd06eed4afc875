"""The rule of the login throttle: see decision 20."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple, TypeVar

from config.rate_limit import RateLimit
from providers.interface import Denied, User
from services.throttle.client_address import Address, client_network
from services.throttle.errors import THROTTLED, Throttled
from services.throttle.names import account_key, login_key
from services.throttle.storage import CounterStorage

U = TypeVar("U", bound=User)

KNOWN_ADDRESS_SECONDS = 30 * 24 * 3600
"""How long an address remains known to an account after a login."""

LOGIN, ACCOUNT, ADDRESS = "login", "account", "address"
"""What a counter is about: a login as typed, the account that a provider found, or an address."""

ANYWHERE = "*"
"""The place of a counter that is for all addresses that are not known to the account."""

NOWHERE = "-"
"""The place of a login whose address is not known, such as that of a command."""

KEY_NAMESPACE = "LIMITER"  # the keys are those of the library `limits`, so that versions that use it share the counters


class Counter(NamedTuple):
    """Counts something until its period is over, and is exhausted at its limit."""

    limit: RateLimit
    kind: str
    place: str
    """A network, ANYWHERE or NOWHERE."""
    name: str = ""

    @property
    def key(self) -> str:
        """What identifies the counter in the storage: another limit has other counters."""
        limit = self.limit
        return f"{KEY_NAMESPACE}/{self.kind}/{self.place}/{self.name}/{limit.count}/{limit.units}/{limit.unit}"


class LoginThrottle:
    """Counts failed logins by account, and logins by address. Thread-safe.

    An account fails at most `per_account` logins from all addresses that are not known to it, and half as many from
    each address, known or not. An address becomes known to an account with a successful login.
    """

    def __init__(self, storage: CounterStorage, per_account: RateLimit, per_address: RateLimit) -> None:
        self._storage = storage
        self._per_account = per_account
        self._per_place = replace(per_account, count=math.ceil(per_account.count / 2))
        self._per_address = per_address

    @property
    def has_lost_storage(self) -> bool:
        """Whether the counters that processes share could not be used at the last attempt."""
        return self._storage.is_lost

    def begin(self, login: str | None, address: Address | None) -> "Attempt":
        """Return an attempt to log in, before any provider is asked. Raises Throttled.

        `login` is `None` if it is malformed, and `address` if it is unknown. The answer depends only on both, and not
        on whether the account exists.
        """
        place = client_network(address) if address else NOWHERE
        by_address = [Counter(self._per_address, ADDRESS, place)] if address else []
        by_login = [*self._counters(LOGIN, login_key(login), place)] if login else []
        if wait := self._wait([*by_address, *by_login]):
            raise Throttled(wait)
        return Attempt(self, login, place, by_address, by_login)

    def is_exhausted(self, username: str, place: str) -> bool:
        """Return whether the account is at a limit for logins from this place."""
        return self._wait([*self._counters(ACCOUNT, account_key(username), place)]) > 0

    def count(self, counters: Iterable[Counter]) -> None:
        """Add one to each counter."""
        self._storage.update({counter.key: counter.limit.seconds for counter in counters})

    def count_failure(self, username: str, place: str, counters: Iterable[Counter]) -> None:
        """Add one to each counter and to those of the account, after a failed login."""
        self.count([*counters, *self._counters(ACCOUNT, account_key(username), place)])

    def count_success(self, login: str, username: str, place: str, counters: Iterable[Counter]) -> None:
        """Add one to each counter, forget the failures from this place, and remember the account's success there."""
        names = {(LOGIN, login_key(login)), (LOGIN, login_key(username)), (ACCOUNT, account_key(username))}
        failures = [Counter(self._per_place, kind, place, name).key for kind, name in names]
        known = [_known_key(kind, name, place) for kind, name in names] if place != NOWHERE else []
        counted = {counter.key: counter.limit.seconds for counter in counters}
        # A known address is forgotten first, because the period of a counter begins with its first count.
        self._storage.update(counted | dict.fromkeys(known, KNOWN_ADDRESS_SECONDS), forgotten=[*failures, *known])

    def _counters(self, kind: str, name: str, place: str) -> Iterator[Counter]:
        yield Counter(self._per_place, kind, place, name)
        if place == NOWHERE or self._storage.counts([_known_key(kind, name, place)]) == [0]:
            yield Counter(self._per_account, kind, ANYWHERE, name)

    def _wait(self, counters: list[Counter]) -> int:
        """Return the seconds until all counters allow another attempt; 0 if they do so now."""
        counts = self._storage.counts([counter.key for counter in counters])
        exhausted = (one for one, count in zip(counters, counts, strict=True) if count >= one.limit.count)
        return max(map(self._wait_for, exhausted), default=0)

    def _wait_for(self, exhausted: Counter) -> int:
        key, period = exhausted.key, exhausted.limit.seconds
        wait = math.ceil(self._storage.get_expiry(key) - time.time())
        if wait > period + 1:  # the clock of the Redis server was set back
            self._storage.update({}, forgotten=[key])
            return 0
        return min(max(wait, 1), period)


class Attempt:
    """A login that a provider is asked about. If it is not settled, because of an outage, it counts nothing."""

    def __init__(
        self, throttle: LoginThrottle, login: str | None, place: str, by_address: list[Counter], by_login: list[Counter]
    ) -> None:
        self._throttle = throttle
        self._login = login
        self._place = place
        self._by_address = by_address
        self._by_login = by_login

    def settle(self, answer: U | Denied) -> U | Denied:
        """Count the attempt, and return the answer; `Denied` if the failures of the account are at a limit.

        The provider knows which account the login belongs to, and therefore all its names count together. A right
        password is then denied and counted like a wrong one, with the same work, so that no response shows which
        names belong to one account.
        """
        throttle = self._throttle
        if self._login is None:
            throttle.count(self._by_address)
            return answer
        username = (answer.username or self._login) if isinstance(answer, Denied) else answer["username"]
        is_exhausted = throttle.is_exhausted(username, self._place)
        if not isinstance(answer, Denied) and not is_exhausted:
            throttle.count_success(self._login, username, self._place, self._by_address)
            return answer
        throttle.count_failure(username, self._place, [*self._by_address, *self._by_login])
        return answer if isinstance(answer, Denied) else Denied(THROTTLED, username)


def _known_key(kind: str, name: str, place: str) -> str:
    return f"known/{kind}/{place}/{name}"
