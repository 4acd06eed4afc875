"""Failover: which server of a directory receives a request, and which server is tried next."""

import logging
import ssl
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import TypeVar

from ldap3.core.results import RESULT_UNAVAILABLE

from config.forks import ForkSafeLock
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.bind_limit import BindLimit
from providers.ldap.client.connection import Connection
from providers.ldap.client.connector import Connector
from providers.ldap.client.errors import (
    LdapError,
    PoolExhausted,
    RequestRefused,
    RequestUnanswered,
    ServerError,
    ServerTimeout,
    SlowBindUnanswered,
)
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.pool import Pool
from providers.ldap.client.protocol import BASE, DN_ONLY
from providers.ldap.client.user_binds import UserBinds

T = TypeVar("T")

log = logging.getLogger(__name__)

# The first and the longest time before an unavailable server is retried.
INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 10.0

# The share of the time on a server for the operation. The rest is for the probe that follows a failed one.
_OPERATION_SHARE = 0.75


class Server:
    """One server: its connection pools, and whether it was available last time. Thread-safe."""

    def __init__(
        self,
        address: ServerAddress,
        tls: ssl.SSLContext,
        pool_size: int,
        bind_service: Callable[[Connection], None],
        *,
        probe_dn: str = "",
        bind_timeout_seconds: float | None = None,
    ) -> None:
        """`probe_dn` is the DN of the entry that a probe reads; `bind_timeout_seconds` is that of `UserBinds`."""
        self.address = address
        self._probe_dn = probe_dn
        self.connector = connector = Connector(address, tls)
        self.service_pool = Pool(connector, pool_size, bind_service)
        # Separate pools, so that no search of the service account runs on a connection that is bound as a user.
        self.user_binds = UserBinds(connector, pool_size, bind_timeout_seconds)
        self.bind_limit = BindLimit()
        self.has_timed_out = False
        self._lock = ForkSafeLock()
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

    def run(self, operation: "Callable[[Server, float], T]", deadline: float) -> T:
        """Return the result of an operation, as `Failover.run` does, and record whether the server was available.

        After a ServerError, the server is probed. If it is available, raises RequestUnanswered instead.
        """
        started_at = monotonic()
        operation_seconds = (deadline - started_at) * _OPERATION_SHARE
        try:
            result = operation(self, started_at + operation_seconds)
        except (PoolExhausted, RequestUnanswered):
            raise
        except ServerError as error:
            # A slow bind may have taken the time of the probe.
            if self.is_available(max(deadline, monotonic() + operation_seconds * (1 / _OPERATION_SHARE - 1))):
                raise RequestUnanswered(str(error)) from None
            self.record_failure(error, started_at)
            raise
        except LdapError:
            self.record_success(started_at)
            raise
        self.record_success(started_at)
        return result

    def is_available(self, deadline: float) -> bool:
        """Probe the server: return whether it accepts a connection and the service bind, and answers a search.

        Every result code is an answer except `unavailable`. `deadline` is in monotonic seconds.
        """

        def probe(connection: Connection) -> None:
            connection.search(self._probe_dn, BASE, ANY_ENTRY, DN_ONLY)

        try:
            self.service_pool.run_on_new(probe, deadline)
        except PoolExhausted:
            return True
        except RequestRefused as error:
            return error.code != RESULT_UNAVAILABLE
        except LdapError as error:  # another refusal is an answer
            return not isinstance(error, ServerError)
        return True

    def record_failure(self, error: ServerError, started_at: float) -> None:
        """Begin a back-off of twice the previous time. The failed operation began at `started_at` (monotonic)."""
        self.bind_limit.end_pauses_since(started_at)
        with self._lock:
            if started_at < self._failed_at:  # the failure of a concurrent operation has been recorded
                return
            self._failed_at = monotonic()
            self._backoff = min(self._backoff * 2 or INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS)
            self._retry_at = self._failed_at + self._backoff
            self.has_timed_out = isinstance(error, ServerTimeout)
        log.warning("LDAP server %s is unavailable: %s", self.address, error)
        self.service_pool.clear()
        self.user_binds.clear()

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
        if it raises ServerError. If no server answers, raises PoolExhausted or RequestUnanswered of any server, because
        another request may succeed there, or else the ServerError of the last server. Raises SlowBindUnanswered and any
        other LdapError of the operation.
        """
        outage = ServerError("all servers failed a moment ago, and are not retried yet")
        local_error: ServerError | None = None
        try:
            for server, deadline in self._candidates():
                try:
                    return server.run(operation, deadline)
                except SlowBindUnanswered:
                    raise
                except (PoolExhausted, RequestUnanswered) as error:
                    local_error = error
                except ServerError as error:
                    outage = error
            raise local_error or outage
        finally:
            del local_error, outage  # each would refer to this frame and back, and keep idle connections open

    def _candidates(self) -> Iterator[tuple[Server, float]]:
        """Yield the servers to try with their deadlines: those that are due, then those that failed without a timeout.

        Each server has an equal share of the remaining time, so that a hanging server leaves time for the next one.
        """
        end = monotonic() + self._timeout_seconds
        due = [server for server in self._servers if server.is_due()]
        order = [*due, *(server for server in self._servers if server not in due and not server.has_timed_out)]
        for place, server in enumerate(order):
            now = monotonic()
            if place and now >= end:  # after a slow bind
                return
            deadline = now + (end - now) / (len(order) - place)
            if server.try_acquire(deadline):
                yield server, deadline
