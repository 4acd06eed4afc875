"""A connection to one server: its requests, and the deadline for the answer to each request."""

import math
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from select import POLLIN, poll
from time import monotonic
from typing import Any

from ldap3.core.results import (
    RESULT_BUSY,
    RESULT_INVALID_DN_SYNTAX,
    RESULT_LOOP_DETECTED,
    RESULT_NO_SUCH_OBJECT,
    RESULT_OPERATIONS_ERROR,
    RESULT_OTHER,
    RESULT_PROTOCOL_ERROR,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_SUCCESS,
    RESULT_TIME_LIMIT_EXCEEDED,
    RESULT_UNAVAILABLE,
)

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.errors import (
    ConnectionLost,
    IncompleteResult,
    SearchFailed,
    ServerBusy,
    ServerError,
    ServerTimeout,
    StartTlsRefused,
)
from providers.ldap.client.messages import (
    BASE,
    PASSWORD_POLICY,
    UNBIND,
    bind_request,
    control,
    message,
    search_request,
    start_tls_request,
)
from providers.ldap.client.responses import Entry, Response, message_size, read_message
from providers.ldap.client.transport import open_socket, server_error

# The type of a request, and the type of its final response.
_RESPONSE_TAGS = {0x60: 0x61, 0x63: 0x65, 0x77: 0x78}  # bind, search, extended operation (RFC 4511 §4)
_SEARCH_DONE = 0x65
_MAX_MESSAGE_BYTES = 16 * 2**20  # so that a server cannot exhaust the memory
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


class Connection:
    """A connection, encrypted unless the address is plaintext. Only one thread at a time may use it.

    Every method raises ServerError if the server does not answer by `deadline` (monotonic seconds), or its answer
    is invalid. The connection must then be closed.
    """

    def __init__(self, address: ServerAddress, tls: ssl.SSLContext, deadline: float) -> None:
        self.deadline = deadline
        self.opened_at = monotonic()
        self._tls = tls
        self._buffer = b""
        self._message_id = 0
        self._socket: socket.socket = open_socket(address, deadline)
        try:
            self._start_tls(address)
        except BaseException:
            self._socket.close()
            raise

    def bind(self, name: str, password: bytes) -> Response:
        """Return the response to a simple bind. `password` must not be empty (RFC 4513 §5.1.2)."""
        return _checked(self._request(bind_request(name, password), [control(PASSWORD_POLICY)]))

    def search(
        self,
        base: str,
        scope: int,
        search_filter: bytes,
        attributes: Iterable[str],
        *,
        size_limit: int = 0,
        controls: Iterable[bytes] = (),
    ) -> Response:
        """Return the response to a search, with at most `size_limit` entries; 0 means no limit.

        With the scope BASE, the result is empty if the entry does not exist. Raises SearchFailed if the server refuses
        the search, and IncompleteResult if its own limit is lower.
        """
        time_limit = max(1, math.ceil(self.deadline - monotonic()))
        request = search_request(base, scope, search_filter, attributes, size_limit=size_limit, time_limit=time_limit)
        response = _checked(self._request(request, controls, max_entries=size_limit or None))
        if response.code == RESULT_SIZE_LIMIT_EXCEEDED and not 0 < size_limit <= len(response.entries):
            raise IncompleteResult("a search found more entries than the server may return")
        if response.code in _successful_codes(scope, size_limit):
            return response
        raise SearchFailed(f"a search {'of' if scope == BASE else 'below'} a DN failed: {response.code_name}")

    def is_closed_by_server(self) -> bool:
        """Return whether the server has closed the connection, or announced this, since the last response."""
        # The only message that a server sends between requests is a notice of disconnection (RFC 4511 §4.4.1).
        if self._buffer:
            return True
        poller = poll()
        poller.register(self._socket, POLLIN)
        if not poller.poll(0):
            return False
        self._socket.settimeout(0)
        try:  # the data may be only a message of the TLS protocol
            return self._socket.recv(1) is not None
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Unbind and close the connection, without waiting."""
        with suppress(OSError):
            self._socket.settimeout(0)
            self._socket.sendall(message(self._message_id + 1, UNBIND))
        self._socket.close()

    def certificate(self) -> dict[str, Any]:
        """Return the server's certificate, as `ssl.SSLSocket.getpeercert` does; empty without TLS."""
        certificate = self._socket.getpeercert() if isinstance(self._socket, ssl.SSLSocket) else None
        return dict(certificate or {})

    def _start_tls(self, address: ServerAddress) -> None:
        if address.plaintext:
            return
        if not address.ldaps:
            if self._request(start_tls_request()).code != RESULT_SUCCESS:
                raise StartTlsRefused("the server refused StartTLS, so no credentials were sent")
            if self._buffer:
                raise ServerError("unencrypted data, possibly from an attacker, followed the response to StartTLS")
        self._socket.settimeout(self._remaining_seconds())
        try:
            self._socket = self._tls.wrap_socket(self._socket, server_hostname=address.host)
        except (OSError, ValueError) as error:
            raise server_error(error) from None

    def _request(self, operation: bytes, controls: Iterable[bytes] = (), *, max_entries: int | None = None) -> Response:
        """Return the response, with at most `max_entries` entries even if the server sends more."""
        self._message_id += 1
        self._send(message(self._message_id, operation, controls))
        expected = _RESPONSE_TAGS[operation[0]]
        entries: list[Entry] = []
        while True:
            message_id, content = self._receive(entries)
            if message_id != self._message_id:
                raise ConnectionLost("the server announced the end of the connection")
            if (content.tag if isinstance(content, Response) else _SEARCH_DONE) != expected:
                raise ServerError("the server sent a response that does not belong to the request")
            if isinstance(content, Response):
                return content
            if content and (max_entries is None or len(entries) < max_entries):
                entries.append(content)

    def _send(self, octets: bytes) -> None:
        self._socket.settimeout(self._remaining_seconds())
        try:
            self._socket.sendall(octets)
        except OSError as error:
            raise server_error(error) from None

    def _receive(self, entries: list[Entry]) -> tuple[int, Response | Entry | None]:
        try:
            while (size := message_size(self._buffer)) is None or len(self._buffer) < size:
                if size and size > _MAX_MESSAGE_BYTES:
                    raise ServerError(f"the server sent a message of more than {_MAX_MESSAGE_BYTES} bytes")
                self._buffer += self._receive_bytes()
            whole, self._buffer = self._buffer[:size], self._buffer[size:]
            return read_message(whole, entries)
        except ValueError:
            raise ServerError("the server sent data that is not an LDAP message") from None

    def _receive_bytes(self) -> bytes:
        self._socket.settimeout(self._remaining_seconds())
        try:
            received = self._socket.recv(65536)
        except OSError as error:
            raise server_error(error) from None
        if not received:
            raise ConnectionLost("the server closed the connection")
        return received

    def _remaining_seconds(self) -> float:
        remaining = self.deadline - monotonic()
        if remaining <= 0:
            raise ServerTimeout("the server did not answer in time")
        return remaining


def _checked(response: Response) -> Response:
    """Return the response. Raises ServerError if its code concerns this server only."""
    if response.code in _SERVER_FAILURES:
        error = ServerBusy if response.code == RESULT_BUSY else ServerError
        raise error(f"the server answered: {response.code_name}")
    return response


def _successful_codes(scope: int, size_limit: int) -> set[int]:
    codes = {RESULT_SUCCESS}
    if scope == BASE:
        codes |= {RESULT_NO_SUCH_OBJECT, RESULT_INVALID_DN_SYNTAX}
    if size_limit:
        codes.add(RESULT_SIZE_LIMIT_EXCEEDED)
    return codes
