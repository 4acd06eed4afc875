"""The directory: what a login asks of it, through whichever of its servers works."""

from collections.abc import Callable, Iterable
from functools import partial
from threading import Lock
from time import monotonic
from typing import TypeVar

from ldap3.core.results import RESULT_SUCCESS

from providers.interface import ProviderUnavailable
from providers.ldap.client.answers import Answer, Entry, children
from providers.ldap.client.connection import Connection, ServerTimeout
from providers.ldap.client.failover import Server, Servers
from providers.ldap.client.messages import PAGED_RESULTS, SUBTREE, page_control
from providers.ldap.denial import bind_denial_reason
from providers.ldap.settings import LdapSettings

T = TypeVar("T")

PAGE = 500
# Of LDAP_TIMEOUT_SECONDS: what a login does besides, such as a hash that hides who is unknown, has its time too.
_SHARE = 0.9
_HELD_BACK = 10.0  # seconds for which a service account that was refused is not tried again


class Session:
    """One login's time with one server. Its searches run as the service account, on other connections than binds."""

    def __init__(self, server: Server, deadline: float) -> None:
        self._server = server
        self._deadline = deadline

    def search(
        self, base: str, scope: int, condition: bytes, attributes: Iterable[str], at_most: int = 0
    ) -> list[Entry]:
        """Return what matches; nothing where there is no entry of this DN. Raises ProviderUnavailable."""
        wanted = list(attributes)
        answer = self._server.service.use(
            lambda connection: connection.search(base, scope, condition, wanted, at_most=at_most), self._deadline
        )
        return list(answer.entries)

    def bind(self, name: str, password: str) -> Answer:
        """Return what the server says of this password, which is not empty (RFC 4513 §5.1.2)."""
        return self._server.users.use(lambda connection: connection.bind(name, password.encode()), self._deadline)

    def bound(self, name: str, password: str, then: Callable[[Answer, "UserSession"], T]) -> T:
        """Return what `then` makes of the answer, while the user is still bound."""

        def ask(connection: Connection) -> T:
            return then(connection.bind(name, password.encode()), UserSession(connection))

        return self._server.users.use(ask, self._deadline)

    def search_all(self, base: str, condition: bytes, attributes: Iterable[str]) -> list[Entry]:
        """Return all that matches, however much it is: page by page, each with a time limit of its own."""
        wanted = list(attributes)
        return self._server.service.use(lambda connection: _pages(connection, base, condition, wanted), self._deadline)


class UserSession:
    """A connection on which a user is bound, to search as themselves."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self, base: str, scope: int, condition: bytes, attributes: Iterable[str], at_most: int = 0
    ) -> list[Entry]:
        """Return what matches; nothing where there is no entry of this DN. Raises ProviderUnavailable."""
        return list(self._connection.search(base, scope, condition, attributes, at_most=at_most).entries)


class Directory:
    """The servers of LDAP_URL, with the connections kept to them. Thread-safe; it opens none before it is asked."""

    def __init__(self, settings: LdapSettings) -> None:
        self._account = ServiceAccount(settings)
        tls = settings.tls()
        self.servers = [
            Server(address, tls, settings.pool_size, self._account.binder()) for address in settings.servers
        ]
        self._asked = Servers(self.servers, settings.timeout_seconds * _SHARE)

    def ask(self, question: Callable[[Session], T]) -> T:
        """Return the answer to a question, which is asked anew of the next server if one is out.

        Raises ProviderUnavailable, with the reason for the log, if there is no proper answer in time.
        """
        return self._asked.ask(lambda server, deadline: question(Session(server, deadline)))


class ServiceAccount:
    """The account that searches, or nobody in particular. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        self._name = settings.bind_dn
        secret = settings.bind_password
        self._password = secret.get_secret_value().encode() if secret else b""
        self._refused_until = 0.0

    def binder(self) -> Callable[[Connection], None]:
        """Return what binds on the new connections to one server, and raises ProviderUnavailable if that is refused.

        It does one after the other: were many under way when the password is found to be wrong, they would lock
        the account. Then no server is asked for a while: it is the same password everywhere, and every try may count.
        """
        return partial(self._bind_in_turn, Lock())

    def _bind_in_turn(self, turn: Lock, connection: Connection) -> None:
        if self._name is None:
            return
        if not turn.acquire(timeout=max(0, connection.deadline - monotonic())):
            raise ServerTimeout("ldap: no answer in time to the binds before this one")
        try:
            self._bind(connection, self._name)
        finally:
            turn.release()

    def _bind(self, connection: Connection, name: str) -> None:
        if monotonic() < self._refused_until:
            raise ProviderUnavailable("ldap: LDAP_BIND_DN was refused a moment ago")
        answer = connection.bind(name, self._password)
        if answer.code != RESULT_SUCCESS:
            self._refused_until = monotonic() + _HELD_BACK
            why = bind_denial_reason(answer) or "no reason was given"
            raise ProviderUnavailable(f"ldap: the bind as LDAP_BIND_DN failed: {answer.name} ({why})")


def _pages(connection: Connection, base: str, condition: bytes, attributes: list[str]) -> list[Entry]:
    seconds = connection.deadline - monotonic()
    found: list[Entry] = []
    cookie = b""
    while True:
        connection.deadline = monotonic() + seconds
        answer = connection.search(base, SUBTREE, condition, attributes, controls=[page_control(PAGE, cookie)])
        found.extend(answer.entries)
        cookie = _cookie(answer.controls.get(PAGED_RESULTS, b""))
        if not cookie:
            return found


def _cookie(value: bytes) -> bytes:
    """Return where the next page begins: SEQUENCE { size INTEGER, cookie OCTET STRING } (RFC 2696)."""
    for _, start, end in children(value, 0, len(value)):
        *_, (_, first, last) = children(value, start, end)
        return value[first:last]
    return b""
