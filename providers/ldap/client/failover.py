"""The servers of the directory: which one is asked, and which one next."""

import logging
import ssl
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from time import monotonic
from typing import TypeVar

from providers.interface import ProviderUnavailable
from providers.ldap.client.connection import Connection, PoolExhausted, ServerError, ServerTimeout
from providers.ldap.client.pool import Pool
from providers.ldap.settings import ServerAddress

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds before a server that was out is tried again


class Server:
    """A server, the connections kept to it, and whether it was out when it was last asked. Thread-safe."""

    def __init__(
        self, address: ServerAddress, tls: ssl.SSLContext, size: int, as_service: Callable[[Connection], None]
    ) -> None:
        self.address = address
        self.service = Pool(address, tls, size, as_service)
        # Apart, so that a user is never bound where the service account searches.
        self.users = Pool(address, tls, size, lambda _: None)
        self.slow = False
        self._lock = Lock()
        self._pause = 0.0
        self._not_before = 0.0
        self._failed_at = 0.0

    def is_due(self) -> bool:
        """Say whether it answered last time, or its pause is over."""
        return not self._pause or monotonic() >= self._not_before

    def claim(self, until: float) -> bool:
        """Say whether to ask it now: of all who find the pause of a slow one over, one alone tries until then."""
        with self._lock:
            if self.slow and not self.is_due():
                return False
            self._not_before = until
            return True

    def failed(self, fault: ServerError, since: float) -> None:
        """Take note that it was out for a question asked then; the pause doubles from time to time."""
        with self._lock:
            if since < self._failed_at:  # many ask at once, and one of the others has told of it
                return
            self._failed_at = monotonic()
            self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            self._not_before = self._failed_at + self._pause
            self.slow = isinstance(fault, ServerTimeout)
        log.warning("%s is out: %s", self.address, fault)
        self.service.clear()
        self.users.clear()

    def answered(self, since: float) -> None:
        """Take note that it works, as a question asked then has shown."""
        if self._pause and since >= self._failed_at:
            with self._lock:
                self._pause, self.slow = 0.0, False
            log.info("%s answers again", self.address)


class Servers:
    """The servers, in the order of preference. Thread-safe."""

    def __init__(self, servers: Sequence[Server], seconds: float) -> None:
        """`seconds` is what a question may take, however many servers are asked."""
        self._servers = tuple(servers)
        self._seconds = seconds

    def ask(self, question: Callable[[Server, float], T]) -> T:
        """Return what the first server that works answers; the question is given it, and its deadline.

        Each server has its share of the time, so that one that hangs leaves some for the next. Raises
        ProviderUnavailable if none answers in time.
        """
        fault: ServerError = ServerError("ldap: no server has answered lately")
        for server, deadline in self._turns():
            since = monotonic()
            try:
                answer = question(server, deadline)
            except PoolExhausted as error:
                fault = error
            except ServerError as error:
                server.failed(error, since)
                fault = error
            except ProviderUnavailable:
                server.answered(since)
                raise
            else:
                server.answered(since)
                return answer
        raise fault

    def _turns(self) -> Iterator[tuple[Server, float]]:
        """Yield the servers to try, with their deadlines: those that are due, then those that would say no at once."""
        end = monotonic() + self._seconds
        due = [server for server in self._servers if server.is_due()]
        order = [*due, *(server for server in self._servers if server not in due and not server.slow)]
        for place, server in enumerate(order):
            now = monotonic()
            deadline = now + (end - now) / (len(order) - place)
            if server.claim(deadline):
                yield server, deadline
