"""Sessions: what one operation may request of a server, as the service account or as a user."""

import logging
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol, TypeVar

from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import ServerTimeout
from providers.ldap.client.failover import Server
from providers.ldap.client.protocol import SUBTREE, Scope
from providers.ldap.client.responses import Entry, Response

T = TypeVar("T")

log = logging.getLogger(__name__)

PAGE_SIZE = 500  # entries; Active Directory allows 1000


class SupportsSearch(Protocol):
    """A session in which a directory can be searched."""

    def search(
        self, base: str, scope: Scope, search_filter: str, attributes: Iterable[str], size_limit: int = 0
    ) -> list[Entry]:
        """Return the matching entries, at most `size_limit`; 0 means no limit.

        With the scope BASE, the result is empty if the entry does not exist. Raises LdapError.
        """
        ...


class ServiceSession:
    """The session of one operation on one server. It searches as the service account, and binds users separately."""

    def __init__(self, server: Server, deadline: float) -> None:
        self._server = server
        self._deadline = deadline

    def search(
        self, base: str, scope: Scope, search_filter: str, attributes: Iterable[str], size_limit: int = 0
    ) -> list[Entry]:
        """Search as SupportsSearch defines it."""
        selection = list(attributes)
        response = self._server.service_pool.run(
            lambda connection: connection.search(base, scope, search_filter, selection, size_limit=size_limit),
            self._deadline,
        )
        return list(response.entries)

    def search_all(self, base: str, search_filter: str, attributes: Iterable[str], limit: int = 0) -> list[Entry]:
        """Return all matching entries below `base`, requested in pages of PAGE_SIZE. The time limit is for one page.

        No page is requested after `limit` entries; 0 means no limit.
        """
        selection = list(attributes)
        return self._server.service_pool.run(
            lambda connection: _search_pages(connection, base, search_filter, selection, limit), self._deadline
        )

    def bind(self, name: str, password: str) -> Response:
        """Return the response to a bind as a user. `password` must not be empty (RFC 4513 §5.1.2)."""
        try:
            return self.bind_and_run(name, password, lambda response, _: response)
        except ServerTimeout:
            log.warning("LDAP server %s did not answer a bind as %a in time", self._server.address, name)
            raise

    def bind_and_run(self, name: str, password: str, operation: Callable[[Response, "UserSession"], T]) -> T:
        """Bind as a user, and return the result of `operation`, called with the response and a session of this user.

        `password` must not be empty (RFC 4513 §5.1.2). Raises RequestUnanswered if a bind with this name was not
        answered a moment ago.
        """

        def run(connection: Connection) -> T:
            return operation(self._bind(connection, name, password), UserSession(connection))

        with self._server.bind_limit.turn(name, self._deadline):
            return self._server.user_pool.run(run, self._deadline)

    def _bind(self, connection: Connection, name: str, password: str) -> Response:
        try:
            response = connection.bind(name, password.encode())
        except ServerTimeout:
            self._server.bind_limit.begin_pause(name)
            raise
        self._server.bind_limit.record_answer(name)
        return response


class UserSession:
    """A session on a connection that is bound as a user. It searches with the rights of that user."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self, base: str, scope: Scope, search_filter: str, attributes: Iterable[str], size_limit: int = 0
    ) -> list[Entry]:
        """Search as SupportsSearch defines it."""
        return list(self._connection.search(base, scope, search_filter, attributes, size_limit=size_limit).entries)


def _search_pages(
    connection: Connection, base: str, search_filter: str, attributes: list[str], limit: int
) -> list[Entry]:
    time_limit = connection.deadline - monotonic()
    entries: list[Entry] = []
    cookie = b""
    while True:
        connection.deadline = monotonic() + time_limit
        response = connection.search(base, SUBTREE, search_filter, attributes, page_size=PAGE_SIZE, cookie=cookie)
        entries.extend(response.entries)
        cookie = response.cookie
        if not cookie or 0 < limit <= len(entries):
            return entries
