"""The servers of the directory: which one is asked, and which one next."""

import logging
import ssl
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import TypeVar

from providers.interface import Overloaded, ProviderUnavailable
from providers.ldap.connection import Connection, Crowded, ServerFault, Slow
from providers.ldap.pool import Pool
from providers.ldap.settings import ServerAddress

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds before a server that was out is tried again


class Server:
    """A server, the connections kept to it, and whether it was out when it was last asked."""

    def __init__(
        self, address: ServerAddress, tls: ssl.SSLContext, size: int, as_service: Callable[[Connection], None]
    ) -> None:
        self.address = address
        self.service = Pool(address, tls, size, as_service)
        # Apart, so that a user is never bound where the service account searches.
        self.users = Pool(address, tls, size, lambda _: None)
        self._lock = Lock()
        self._pause = 0.0
        self._not_before = 0.0
        self.slow = False

    def is_due(self) -> bool:
        """Say whether it answered last time, or its pause is over."""
        return not self._pause or monotonic() >= self._not_before

    def claim(self) -> bool:
        """Say whether to ask it now: of all who find that its pause is over, one alone tries."""
        with self._lock:
            if self._pause and self.slow and not self.is_due():
                return False
            self._not_before = monotonic() + LONGEST_PAUSE
            return True

    def failed(self, fault: ServerFault) -> None:
        """Take note that it was out; the pause doubles from time to time."""
        with self._lock:
            self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            self._not_before = monotonic() + self._pause
            self.slow = isinstance(fault, Slow)
        self.service.clear()
        self.users.clear()

    def answered(self) -> None:
        """Take note that it works."""
        if self._pause:
            log.info("%s answers again", self.address)
            with self._lock:
                self._pause = 0.0


class Servers:
    """The servers, in the order of preference. Thread-safe."""

    def __init__(self, servers: Sequence[Server], seconds: float) -> None:
        """`seconds` is what a question may take, however many servers are asked."""
        self._servers = tuple(servers)
        self._seconds = seconds

    def ask(self, question: Callable[[Server, float], T]) -> T:
        """Return what the first server that works answers; the question is given it, and its deadline.

        Each server has its share of the time, so that one that hangs leaves some for the next. Raises
        ProviderUnavailable if none works, Overloaded if their connections are all in use.
        """
        end = monotonic() + self._seconds
        order = self._order()
        fault: ServerFault = ServerFault("ldap: no server has answered lately")
        for place, server in enumerate(order):
            if not server.claim():
                continue
            now = monotonic()
            try:
                answer = question(server, now + (end - now) / (len(order) - place))
            except Crowded as error:
                fault = error
            except ServerFault as error:
                log.warning("%s is out: %s", server.address, error)
                server.failed(error)
                fault = error
            except ProviderUnavailable:
                server.answered()
                raise
            else:
                server.answered()
                return answer
        if isinstance(fault, Crowded):
            raise Overloaded
        raise fault

    def _order(self) -> list[Server]:
        """Return the servers to try: those that are due, then those that would at least say no at once."""
        due = [server for server in self._servers if server.is_due()]
        return [*due, *(server for server in self._servers if server not in due and not server.slow)]
