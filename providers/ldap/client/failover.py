"""Failover: which server of a directory receives a request, and which server is tried next."""

import logging
import ssl
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from time import monotonic
from typing import TypeVar

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import LdapError, PoolExhausted, ServerError, ServerTimeout
from providers.ldap.client.pool import Pool

T = TypeVar("T")

log = logging.getLogger(__name__)

# The first and the longest time before an unavailable server is retried.
INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 10.0


class Server:
    """One server: its connection pools, and whether it was available last time. Thread-safe."""

    def __init__(
        self, address: ServerAddress, tls: ssl.SSLContext, pool_size: int, bind_service: Callable[[Connection], None]
    ) -> None:
        self.address = address
        self.service_pool = Pool(address, tls, pool_size, bind_service)
        # Separate pools, so that no search of the service account runs on a connection that is bound as a user.
        self.user_pool = Pool(address, tls, pool_size, lambda _: None)
        self.has_timed_out = False
        self._lock = Lock()
        self._backoff = 0.0
        self._retry_at = 0.0
        self._failed_at = 0.0

    def is_due(self) -> bool:
        """Return whether the server was available last time, or its back-off has ended."""
        return not self._backoff or monotonic() >= self._retry_at

    def try_acquire(self, deadline: float) -> bool:
        """Return whether the caller may use the server now.

        When the back-off of a server that has timed out ends, only one caller may retry the server until `deadline`
        (monotonic seconds), so that the other callers need not wait.
        """
        with self._lock:
            if self.has_timed_out and not self.is_due():
                return False
            self._retry_at = deadline
            return True

    def record_failure(self, error: ServerError, started_at: float) -> None:
        """Begin a back-off of twice the previous time. The failed operation began at `started_at` (monotonic)."""
        with self._lock:
            if started_at < self._failed_at:  # the failure of a concurrent operation has been recorded
                return
            self._failed_at = monotonic()
            self._backoff = min(self._backoff * 2 or INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS)
            self._retry_at = self._failed_at + self._backoff
            self.has_timed_out = isinstance(error, ServerTimeout)
        log.warning("LDAP server %s is unavailable: %s", self.address, error)
        self.service_pool.clear()
        self.user_pool.clear()

    def record_success(self, started_at: float) -> None:
        """End the back-off, unless the server failed after the successful operation began at `started_at`."""
        if self._backoff and started_at >= self._failed_at:
            with self._lock:
                self._backoff, self.has_timed_out = 0.0, False
            log.info("LDAP server %s is available again", self.address)


class Failover:
    """Servers in the order of preference. Thread-safe."""

    def __init__(self, servers: Sequence[Server], timeout_seconds: float) -> None:
        """`timeout_seconds` is the time limit of an operation on all servers together."""
        self._servers = tuple(servers)
        self._timeout_seconds = timeout_seconds

    def run(self, operation: Callable[[Server, float], T]) -> T:
        """Return the result of the operation on the first available server.

        The operation receives a server and the deadline there (monotonic seconds). It runs again on the next server
        if it raises ServerError. Raises the ServerError of the last server, or any other LdapError of the operation.
        """
        last_error = ServerError("all servers failed a moment ago, and are not retried yet")
        for server, deadline in self._candidates():
            started_at = monotonic()
            try:
                result = operation(server, deadline)
            except PoolExhausted as error:
                last_error = error
            except ServerError as error:
                server.record_failure(error, started_at)
                last_error = error
            except LdapError:
                server.record_success(started_at)
                raise
            else:
                server.record_success(started_at)
                return result
        raise last_error

    def _candidates(self) -> Iterator[tuple[Server, float]]:
        """Yield the servers to try with their deadlines: those that are due, then those that failed without a timeout.

        Each server has an equal share of the remaining time, so that a hanging server leaves time for the next one.
        """
        end = monotonic() + self._timeout_seconds
        due = [server for server in self._servers if server.is_due()]
        order = [*due, *(server for server in self._servers if server not in due and not server.has_timed_out)]
        for place, server in enumerate(order):
            now = monotonic()
            deadline = now + (end - now) / (len(order) - place)
            if server.try_acquire(deadline):
                yield server, deadline
