"""Sessions: what one operation may request of a server, as the service account or as a user."""

import logging
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol, TypeVar

from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import ServerTimeout, SlowBindUnanswered
from providers.ldap.client.failover import Server
from providers.ldap.client.protocol import Scope
from providers.ldap.client.responses import Entry, Response
from providers.ldap.client.searches import find_all_entries, find_entries, find_references, list_entries

T = TypeVar("T")

log = logging.getLogger(__name__)


class SupportsSearch(Protocol):
    """A session in which a directory can be searched."""

    def search(
        self, base: str, scope: Scope, search_filter: str, attributes: Iterable[str], size_limit: int = 0
    ) -> list[Entry]:
        """Return the matching entries, at most `size_limit`; 0 means no limit.

        With the scope BASE, the result is empty if the entry does not exist. Raises LdapError, and IncompleteResult
        instead of a part of the entries.
        """
        ...

    def search_all(self, base: str, search_filter: str, attributes: Iterable[str]) -> list[Entry]:
        """Return all matching entries below `base`, requested in pages. Raises what `search` raises."""
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
        return self._server.service_pool.run(
            lambda connection: find_entries(connection, base, scope, search_filter, selection, size_limit=size_limit),
            self._deadline,
        )

    def search_all(self, base: str, search_filter: str, attributes: Iterable[str]) -> list[Entry]:
        """Search as SupportsSearch defines it."""
        selection = list(attributes)
        return self._server.service_pool.run(
            lambda connection: find_all_entries(connection, base, search_filter, selection), self._deadline
        )

    def list_entries(self, base: str, search_filter: str, attributes: Iterable[str], limit: int = 0) -> list[Entry]:
        """Return all matching entries below `base`, for an operation that no client waits for.

        Each page has the time limit of the session. No page is requested after `limit` entries; 0 means no limit.
        """
        selection = list(attributes)
        return self._server.service_pool.run(
            lambda connection: list_entries(connection, base, search_filter, selection, limit), self._deadline
        )

    def references(self, base: str) -> list[str]:
        """Return the URLs of other servers that have entries below `base`, which no search returns."""
        return self._server.service_pool.run(lambda connection: find_references(connection, base), self._deadline)

    def bind(self, name: str, password: str) -> Response:
        """Return the response to a bind as a user. `password` must not be empty (RFC 4513 §5.1.2)."""
        try:
            return self.bind_and_run(name, password, lambda response, _: response)
        except (ServerTimeout, SlowBindUnanswered):
            log.warning("LDAP server %s did not answer a bind as %a in time", self._server.address, name)
            raise

    def bind_and_run(self, name: str, password: str, operation: Callable[[Response, "UserSession"], T]) -> T:
        """Bind as a user, and return the result of `operation`, called with the response and a session of this user.

        `password` must not be empty (RFC 4513 §5.1.2). Raises RequestUnanswered if a bind with this name was not
        answered a moment ago.
        """

        def run(connection: Connection, timeout: float | None) -> T:
            return operation(self._bind(connection, name, password, timeout), UserSession(connection))

        with self._server.bind_limit.turn(name, self._deadline):
            return self._server.user_binds.run(run, self._deadline)

    def _bind(self, connection: Connection, name: str, password: str, timeout: float | None) -> Response:
        """Return the response to a bind. The time of a bind that has a `timeout` does not count for other requests."""
        began_at = monotonic()
        if timeout is not None:
            connection.deadline = began_at + timeout
        try:
            response = connection.bind(name, password.encode())
        except ServerTimeout as error:
            self._server.bind_limit.begin_pause(name)
            raise SlowBindUnanswered(str(error)) if timeout is not None else error from None
        self._server.bind_limit.record_answer(name)
        if timeout is not None:
            self._deadline += monotonic() - began_at
            connection.deadline = self._deadline
        return response


class UserSession:
    """A session on a connection that is bound as a user. It searches with the rights of that user."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self, base: str, scope: Scope, search_filter: str, attributes: Iterable[str], size_limit: int = 0
    ) -> list[Entry]:
        """Search as SupportsSearch defines it."""
        return find_entries(self._connection, base, scope, search_filter, attributes, size_limit=size_limit)

    def search_all(self, base: str, search_filter: str, attributes: Iterable[str]) -> list[Entry]:
        """Search as SupportsSearch defines it."""
        return find_all_entries(self._connection, base, search_filter, attributes)
