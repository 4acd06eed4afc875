"""The addresses of a server's host: which one a new connection uses, and which one is tried next."""

import logging
from collections.abc import Iterator
from time import monotonic

from config.forks import ForkSafeLock
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.errors import ServerError
from providers.ldap.client.resolver import Address
from providers.ldap.client.transport import find_addresses

log = logging.getLogger(__name__)


class HostAddresses:
    """The addresses to which the name of one server resolves. Thread-safe.

    Each address is a server of its own: one that fails is not tried again while another address works, so that its
    timeout costs time only once.
    """

    def __init__(self, server: ServerAddress) -> None:
        self.server = server
        self._lock = ForkSafeLock()
        self._known: frozenset[Address] = frozenset()
        self._failed_at: dict[Address, float] = {}
        self._last_used: Address | None = None

    def attempts(self, deadline: float) -> Iterator[tuple[Address, float]]:
        """Yield the addresses in the order in which to try them, each with its own deadline (monotonic seconds).

        The address that worked last comes first, and those that have failed come last. Each has an equal share of the
        time to `deadline`, except that an address that has failed only has the time that the others leave. Raises
        ServerError if the name cannot be resolved.
        """
        addresses = self._in_order(deadline)
        untested = sum(address not in self._failed_at for address in addresses) or len(addresses)
        for place, address in enumerate(addresses):
            now = monotonic()
            if place and now >= deadline:
                return
            yield address, now + (deadline - now) / max(untested - place, 1)

    def record_success(self, address: Address) -> None:
        """Use this address first from now on."""
        with self._lock:
            self._failed_at.pop(address, None)
            self._last_used = address

    def record_failure(self, address: Address, error: ServerError) -> None:
        """Use this address last from now on."""
        with self._lock:
            is_new = address not in self._failed_at
            self._failed_at[address] = monotonic()
            has_others = len(self._known) > 1
        if is_new and has_others:
            log.warning("the address %s of LDAP server %s is avoided: %s", address[4][0], self.server, error)

    def is_avoided(self, address: Address) -> bool:
        """Return whether this address has failed, and another address of the host has not."""
        with self._lock:
            return address in self._failed_at and not self._known <= self._failed_at.keys()

    def _in_order(self, deadline: float) -> list[Address]:
        addresses = list(dict.fromkeys(find_addresses(self.server, deadline)))
        with self._lock:
            self._known = frozenset(addresses)
            self._failed_at = {known: at for known, at in self._failed_at.items() if known in self._known}
            return sorted(addresses, key=lambda one: (self._failed_at.get(one, 0.0), one != self._last_used))
