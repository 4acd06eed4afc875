"""Searches with complete results: all pages, all values of attributes, or an error that names the limit."""

from collections.abc import Iterable
from time import monotonic

from ldap3.core.results import (
    RESULT_ADMIN_LIMIT_EXCEEDED,
    RESULT_NO_SUCH_OBJECT,
    RESULT_UNAVAILABLE_CRITICAL_EXTENSION,
    RESULT_UNWILLING_TO_PERFORM,
)

from providers.ldap.client.attribute_ranges import complete_ranges
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import IncompleteResult, SearchFailed
from providers.ldap.client.filters import ANY_ENTRY, equality
from providers.ldap.client.protocol import BASE, DN_ONLY, SUBTREE, Scope
from providers.ldap.client.responses import Entry, Response

PAGE_SIZE = 500  # entries; Active Directory allows 1000, and OpenLDAP 500
MAX_PAGES = 4000
MAX_LISTING_SECONDS = 600.0
_REFUSALS_OF_PAGES = {RESULT_ADMIN_LIMIT_EXCEEDED, RESULT_UNWILLING_TO_PERFORM, RESULT_UNAVAILABLE_CRITICAL_EXTENSION}


def find_entries(
    connection: Connection,
    base: str,
    scope: Scope,
    search_filter: str,
    attributes: Iterable[str],
    *,
    size_limit: int = 0,
) -> list[Entry]:
    """Return the matching entries, at most `size_limit`; 0 means no limit. Raises LdapError."""
    try:
        response = connection.search(base, scope, search_filter, attributes, size_limit=size_limit)
    except SearchFailed as error:
        return _nothing_below(connection, base, error)
    return _complete(connection, response.entries)


def find_all_entries(
    connection: Connection, base: str, search_filter: str, attributes: Iterable[str], limit: int = 0
) -> list[Entry]:
    """Return all matching entries below `base`, requested in pages. Raises LdapError.

    No page is requested after `limit` entries; 0 means no limit. Raises IncompleteResult after MAX_PAGES.
    """
    return _Listing(connection, base, search_filter, list(attributes)).read(limit)


def list_entries(
    connection: Connection, base: str, search_filter: str, attributes: Iterable[str], limit: int = 0
) -> list[Entry]:
    """Return the same as `find_all_entries`, with the connection's time limit for each page.

    All pages together have MAX_LISTING_SECONDS.
    """
    listing = _Listing(connection, base, search_filter, list(attributes))
    listing.seconds_per_page = connection.deadline - monotonic()
    return listing.read(limit)


def find_references(connection: Connection, base: str) -> list[str]:
    """Return the URLs of other servers that have entries below `base` (RFC 4511 §4.5.3). Raises LdapError."""
    return list(connection.search(base, SUBTREE, equality("objectClass", "referral"), DN_ONLY).references)


class _Listing:
    """One search in pages."""

    def __init__(self, connection: Connection, base: str, search_filter: str, attributes: list[str]) -> None:
        self._connection = connection
        self._base, self._filter, self._attributes = base, search_filter, attributes
        self._ends_at = monotonic() + MAX_LISTING_SECONDS
        self._entries: list[Entry] = []
        self.seconds_per_page: float | None = None

    def read(self, limit: int) -> list[Entry]:
        cookie: bytes | None = b""
        for _ in range(MAX_PAGES):
            page = self._page(cookie or b"")
            if page is None:
                return self._without_pages()
            if page.cookie is None and (cookie or len(page.entries) == PAGE_SIZE):
                # ApacheDS omits the cookie from some pages, and a server that ignores pages sends another number.
                return self._without_pages()
            self._entries += _complete(self._connection, page.entries)
            cookie = page.cookie
            if not cookie or 0 < limit <= len(self._entries):
                return self._entries
        raise IncompleteResult(f"a search has more than {MAX_PAGES} pages", self._entries)

    def _page(self, cookie: bytes) -> Response | None:
        """Return a page; `None` if the server refuses pages."""
        self._renew_deadline()
        try:
            return self._search(page_size=PAGE_SIZE, cookie=cookie)
        except IncompleteResult as error:
            found = (*self._entries, *error.entries)
            if found:
                raise IncompleteResult(f"{error}, {len(found)} with all pages", found) from None
            return None
        except SearchFailed as error:
            if error.code == RESULT_NO_SUCH_OBJECT:
                return Response(0, "", {}, _nothing_below(self._connection, self._base, error))
            if cookie or error.code not in _REFUSALS_OF_PAGES:
                raise
            return None

    def _without_pages(self) -> list[Entry]:
        self._renew_deadline()
        return _complete(self._connection, self._search().entries)

    def _search(self, page_size: int | None = None, cookie: bytes = b"") -> Response:
        return self._connection.search(
            self._base, SUBTREE, self._filter, self._attributes, page_size=page_size, cookie=cookie
        )

    def _renew_deadline(self) -> None:
        if self.seconds_per_page is not None:
            self._connection.deadline = min(monotonic() + self.seconds_per_page, self._ends_at)


def _nothing_below(connection: Connection, base: str, error: SearchFailed) -> list[Entry]:
    """Return no entries, if that is what `noSuchObject` means. Raises the error if the base DN does not exist."""
    # Google Secure LDAP answers a search that finds nothing with the code for a missing base DN.
    if error.code != RESULT_NO_SUCH_OBJECT or not connection.search(base, BASE, ANY_ENTRY, DN_ONLY).entries:
        raise error
    return []


def _complete(connection: Connection, entries: Iterable[Entry]) -> list[Entry]:
    def read(dn: str, attribute: str) -> list[Entry]:
        return list(connection.search(dn, BASE, ANY_ENTRY, [attribute]).entries)

    return [complete_ranges(entry, read) for entry in entries]
