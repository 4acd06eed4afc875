"""The messages on a connection: complete LDAP messages up to a deadline, over TCP or TLS."""

import socket
import ssl
from select import POLLIN, poll
from time import monotonic

from providers.ldap.client.errors import ConnectionLost, ServerError, ServerTimeout
from providers.ldap.client.transport import server_error

# The limits of a response with its entries, so that a server cannot exhaust the memory. A decoded entry needs much more
# memory than a small message, so each message counts as if it had _MESSAGE_OVERHEAD bytes more.
_MAX_RESPONSE_BYTES = 16 * 2**20
_MESSAGE_OVERHEAD = 512
_RECEIVE_BYTES = 65536
_SEQUENCE_TAG = 0x30
_LONG_FORM = 0x80  # this bit of the first length octet is set if its other bits give the number of length octets
_MAX_LENGTH_OCTETS = 4
_CONSTRUCTED = 0x20  # this bit of a tag is set if the element contains elements
_MIN_MESSAGE_BYTES = 7  # a message id and the shortest operation


class MessageStream:
    """A socket as ldap3 uses it, except that each `recv` returns one message. Only one thread at a time may use it.

    ldap3 splits the data of a socket into messages itself. Given one message at a time, it never waits for the rest of
    data that is not LDAP, and never reads what follows a response.

    Every method raises ServerError if the server does not answer by `deadline` (monotonic seconds), or sends data that
    is not an LDAP message.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        """`connected` is the socket, which the stream closes."""
        self.deadline = deadline
        self.has_sent = False
        """Whether data was sent since `begin_request`."""
        self.message_count = 0
        """The number of messages received since `begin_request`."""
        self.last_message = b""
        self._bytes_left = _MAX_RESPONSE_BYTES
        self._buffer = bytearray()
        self._socket = connected

    def begin_request(self) -> None:
        """Count the messages and the bytes of the next response from zero."""
        self.has_sent, self.message_count, self._bytes_left = False, 0, _MAX_RESPONSE_BYTES

    def sendall(self, data: bytes) -> None:
        """Send an encoded request."""
        self.has_sent = True
        self._set_timeout()
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise server_error(error) from None

    def recv(self, _size: int) -> bytes:
        """Return the next complete message. `_size` is ignored."""
        self._remaining_seconds()  # messages that have arrived already take time too
        while (size := _message_size(self._buffer)) is None or len(self._buffer) < size:
            self._require_bytes_left(size or 0)
            self._buffer += self._receive_bytes()
        self._require_bytes_left(size)
        self.last_message = bytes(self._buffer[:size])
        del self._buffer[:size]
        _require_whole_elements(self.last_message)
        self._bytes_left -= size + _MESSAGE_OVERHEAD
        self.message_count += 1
        return self.last_message

    def start_tls(self, tls: ssl.SSLContext, host: str) -> None:
        """Encrypt the connection, after the server has proved that it is `host`."""
        if self._buffer:
            raise ServerError("unencrypted data, possibly from an attacker, followed the response to StartTLS")
        self._set_timeout()
        try:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)
        except (OSError, ValueError) as error:
            raise server_error(error) from None

    def has_data(self) -> bool:
        """Return whether the server has sent anything since the last message, or closed the connection."""
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

    def certificate(self) -> bytes:
        """Return the server's certificate in DER; empty without TLS."""
        return (self._socket.getpeercert(binary_form=True) if isinstance(self._socket, ssl.SSLSocket) else None) or b""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _require_bytes_left(self, size: int) -> None:
        if size > self._bytes_left:
            raise ServerError(f"the server sent a response of more than {_MAX_RESPONSE_BYTES} bytes")

    def _receive_bytes(self) -> bytes:
        self._set_timeout()
        try:
            received = self._socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise server_error(error) from None
        if not received:
            raise ConnectionLost("the server closed the connection")
        return received

    def _set_timeout(self) -> None:
        self._socket.settimeout(self._remaining_seconds())

    def _remaining_seconds(self) -> float:
        remaining = self.deadline - monotonic()
        if remaining <= 0:
            raise ServerTimeout("the server did not answer in time")
        return remaining


def _message_size(buffer: bytes | bytearray) -> int | None:
    """Return the size of the message at the start of `buffer`; `None` if more bytes are needed to read the size.

    Raises ServerError if the bytes are not a message (RFC 4511 §5.1).
    """
    if buffer and buffer[0] != _SEQUENCE_TAG:
        raise _not_a_message()
    if len(buffer) < 2:  # noqa: PLR2004 - the tag and the first length octet
        return None
    length, width = buffer[1], max(buffer[1] - _LONG_FORM, 0)
    # LDAP forbids the indefinite length of X.690 §8.1.3.6, which has no length octets.
    if length == _LONG_FORM or width > _MAX_LENGTH_OCTETS:
        raise _not_a_message()
    if len(buffer) < 2 + width:
        return None
    size = 2 + width + (int.from_bytes(buffer[2 : 2 + width], "big") if width else length)
    if size < _MIN_MESSAGE_BYTES:
        raise _not_a_message()
    return size


def _require_whole_elements(message: bytes) -> None:
    """Raise ServerError if an element is longer than the one that contains it: ldap3 would read a part of it."""
    spans = [(0, len(message))]
    while spans:
        start, end = spans.pop()
        while start < end:
            contents, length = start + 2, message[start + 1] if start + 1 < end else _LONG_FORM
            if length & _LONG_FORM:
                contents += length - _LONG_FORM
                length = int.from_bytes(message[start + 2 : contents], "big")
            if contents + length > end:
                raise _not_a_message()
            if message[start] & _CONSTRUCTED:
                spans.append((contents, contents + length))
            start = contents + length


def _not_a_message() -> ServerError:
    return ServerError("the server sent data that is not an LDAP message")
