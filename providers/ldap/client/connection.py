"""A connection to one server: ldap3 encodes its requests, and decodes the responses that arrive by a deadline."""

import math
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from ldap3.core.exceptions import LDAPCommunicationError
from ldap3.core.results import (
    RESULT_ADMIN_LIMIT_EXCEEDED,
    RESULT_BUSY,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_INVALID_DN_SYNTAX,
    RESULT_LOOP_DETECTED,
    RESULT_NO_SUCH_OBJECT,
    RESULT_OPERATIONS_ERROR,
    RESULT_OTHER,
    RESULT_PROTOCOL_ERROR,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_STRONGER_AUTH_REQUIRED,
    RESULT_SUCCESS,
    RESULT_TIME_LIMIT_EXCEEDED,
    RESULT_UNAVAILABLE,
)
from ldap3.protocol.rfc2696 import paged_search_control

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.errors import (
    BindRequired,
    ConnectionLost,
    IncompleteResult,
    InvalidRequest,
    LdapError,
    RequestRefused,
    SearchFailed,
    ServerError,
    StartTlsRefused,
)
from providers.ldap.client.ldap3_internals import has_result_code, open_ldap3, release_ldap3, send_search
from providers.ldap.client.message_stream import MessageStream
from providers.ldap.client.protocol import BASE, PASSWORD_POLICY, START_TLS, Scope
from providers.ldap.client.resolver import Address
from providers.ldap.client.responses import Entry, Response
from providers.ldap.client.transport import connect, open_socket

_LIMITS = {RESULT_SIZE_LIMIT_EXCEEDED, RESULT_ADMIN_LIMIT_EXCEEDED}
_ENTRY, _REFERENCE, _SEARCH_DONE = "searchResEntry", "searchResRef", "searchResDone"
_UNBIND_SECONDS = 0.01
# Result codes that concern this server only, so another server is worth trying.
_SERVER_FAILURES = {
    RESULT_OPERATIONS_ERROR,
    RESULT_PROTOCOL_ERROR,
    RESULT_TIME_LIMIT_EXCEEDED,
    RESULT_BUSY,
    RESULT_UNAVAILABLE,
    RESULT_LOOP_DETECTED,
    RESULT_OTHER,
}


# Result codes of searches that a server refuses to anonymous clients: Active Directory and Samba use the first.
_BIND_REQUIRED = {
    RESULT_OPERATIONS_ERROR,
    RESULT_STRONGER_AUTH_REQUIRED,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
}


class Connection:
    """A connection, encrypted unless the address is plaintext. Only one thread at a time may use it.

    Every method raises ServerError if the server does not answer by `deadline` (monotonic seconds), or its answer
    is invalid. The connection must then be closed.
    """

    def __init__(
        self, address: ServerAddress, tls: ssl.SSLContext, deadline: float, socket_address: Address | None = None
    ) -> None:
        """`socket_address` is the address of the host to connect to; `None` means the first that accepts."""
        self.opened_at = monotonic()
        self._is_anonymous = True
        self.socket_address = socket_address
        connected = connect(socket_address, deadline) if socket_address else open_socket(address, deadline)
        self._stream = MessageStream(connected, deadline)
        self._ldap3 = open_ldap3(self._stream)
        try:
            self._start_tls(address, tls)
        except BaseException:
            self._release()
            raise

    @property
    def deadline(self) -> float:
        """The time by which every response must have arrived (monotonic seconds)."""
        return self._stream.deadline

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._stream.deadline = deadline

    def bind(self, name: str, password: bytes) -> Response:
        """Return the response to a simple bind. `password` must not be empty (RFC 4513 §5.1.2).

        Raises InvalidRequest if the name is not a text in UTF-8.
        """
        # Not rebind(), which binds as the previous user if the name is empty.
        self._ldap3.user, self._ldap3.password = name, password
        try:
            bind = partial(self._ldap3.bind, read_server_info=False, controls=[(PASSWORD_POLICY, False, None)])
            response = _checked(self._request(bind, "bindResponse"))
            self._is_anonymous = response.code != RESULT_SUCCESS  # a refused bind ends the previous one
            return response
        finally:
            self._ldap3.password = None

    def search(
        self,
        base: str,
        scope: Scope,
        search_filter: str,
        attributes: Iterable[str],
        *,
        size_limit: int = 0,
        page_size: int | None = None,
        cookie: bytes = b"",
    ) -> Response:
        """Return the response to a search, with at most `size_limit` entries; 0 means no limit.

        With a `page_size`, return the page to which the `cookie` of the previous response leads (RFC 2696). With the
        scope BASE, the result is empty if the entry does not exist. Aliases and references to other servers are not
        followed. Raises SearchFailed if the server refuses the search or refers to another server, BindRequired if that
        is because no bind has succeeded on this connection, IncompleteResult if one of its limits ends the search, or
        an error after some entries, and InvalidRequest if `base` is not a text in UTF-8.
        """
        search = partial(
            send_search,
            self._ldap3,
            base,
            scope,
            search_filter,
            tuple(attributes),
            size_limit=size_limit,
            time_limit=max(1, math.ceil(self.deadline - monotonic())),
            controls=[] if page_size is None else [paged_search_control(False, page_size, cookie)],
        )
        response = self._request(search, _SEARCH_DONE, max_entries=size_limit or None)
        if response.code == RESULT_OTHER and 0 < size_limit <= len(response.entries):
            return response  # ApacheDS, in place of sizeLimitExceeded
        if self._is_anonymous and response.code in _BIND_REQUIRED:
            raise BindRequired(f"the server refuses anonymous searches ({response.code_name})", response.code)
        _checked(response)
        count = len(response.entries)
        if response.code in _successful_codes(scope, size_limit, count):
            return response
        if response.code in _LIMITS:
            message = f"a limit of the server ({response.code_name}) ended a search after {count} entries"
            raise IncompleteResult(message, response.entries)
        if count:
            message = f"an error of the server ({response.code_name}) ended a search after {count} entries"
            raise IncompleteResult(message, response.entries)
        place = "of" if scope == BASE else "below"
        raise SearchFailed(f"a search {place} a DN failed: {response.code_name}", response.code)

    def is_closed_by_server(self) -> bool:
        """Return whether the server has closed the connection, or announced this, since the last response."""
        # The only message that a server sends between requests is a notice of disconnection (RFC 4511 §4.4.1).
        return self._stream.has_data()

    def close(self) -> None:
        """Unbind and close the connection, without waiting. The connection cannot be used afterwards."""
        self.deadline = monotonic() + _UNBIND_SECONDS
        with suppress(Exception):  # after any fault
            self._ldap3.unbind()
        self._release()

    def abandon(self) -> None:
        """Close a connection that another process uses, in this process only: without an unbind."""
        self._release()

    def certificate(self) -> bytes:
        """Return the server's certificate in DER; empty without TLS."""
        return self._stream.certificate()

    def _release(self) -> None:
        self._stream.close()
        release_ldap3(self._ldap3)

    def _start_tls(self, address: ServerAddress, tls: ssl.SSLContext) -> None:
        if address.plaintext:
            return
        if not address.ldaps:
            response = self._request(partial(self._ldap3.extended, START_TLS), "extendedResp")
            if response.code != RESULT_SUCCESS:
                raise StartTlsRefused("the server refused StartTLS, so no credentials were sent")
        self._stream.start_tls(tls, address.certificate_name)

    def _request(self, send: Callable[[], object], response_type: str, *, max_entries: int | None = None) -> Response:
        """Return the response to the request that `send` sends, with at most `max_entries` entries.

        ldap3 checks the message id. A message of another type is a fault of the server: a response to another request,
        an entry in response to a bind, or an intermediate response (RFC 4511 §4.13), which only some controls and
        extended requests permit and the strict decoder refuses. A notice (§4.4), known or not, counts as the end of
        the connection.
        """
        self._stream.begin_request()
        self._ldap3.response = None
        try:
            send()
        except LdapError:
            raise
        except LDAPCommunicationError:
            raise ConnectionLost("the server ended the connection, or sent a message without a request") from None
        except Exception as error:  # noqa: BLE001 - ldap3 raises any exception if it cannot encode or decode a message
            fault = type(error).__name__
            if not self._stream.has_sent:
                raise InvalidRequest(f"a request cannot be encoded ({fault})") from None
            raise ServerError(f"the server sent a response that cannot be decoded ({fault})") from None
        result: dict[str, Any] = self._ldap3.result
        messages: list[dict[str, Any]] = self._ldap3.response or []
        self._ldap3.response = None
        self._check_type(result["type"], response_type)
        entries = [Entry.read(message) for message in messages if message["type"] == _ENTRY]
        references = [url for message in messages if message["type"] == _REFERENCE for url in message["uri"] or ()]
        return Response.read(result, entries[:max_entries], references)

    def _check_type(self, result_type: str, response_type: str) -> None:
        permits_more = response_type == _SEARCH_DONE
        if result_type != response_type or (self._stream.message_count > 1 and not permits_more):
            raise ServerError("the server sent a response that does not belong to the request")
        if not has_result_code(self._stream.last_message):
            raise ServerError("the server sent a response without a result code")


def _checked(response: Response) -> Response:
    """Return the response. Raises RequestRefused if its code concerns this server only."""
    if response.code in _SERVER_FAILURES:
        raise RequestRefused(f"the server answered: {response.code_name}", response.code)
    return response


def _successful_codes(scope: Scope, size_limit: int, found: int) -> set[int]:
    codes = {RESULT_SUCCESS}
    if scope == BASE:
        codes |= {RESULT_NO_SUCH_OBJECT, RESULT_INVALID_DN_SYNTAX}
    if 0 < size_limit <= found:
        codes |= _LIMITS
    return codes
