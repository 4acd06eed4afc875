"""TCP connections to a server, and the errors of sockets as errors of the client."""

import errno
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.errors import CertificateError, ConnectionLost, PoolExhausted, ServerError, ServerTimeout
from providers.ldap.client.resolver import Address, resolve

# Errors of this machine: it has no free file descriptor or memory for a socket.
_LOCAL_ERRORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_MIN_CONNECT_SECONDS = 0.001  # a timeout of 0 would make the socket non-blocking


def open_socket(address: ServerAddress, deadline: float) -> socket.socket:
    """Return a socket that is connected to the first address of the host that accepts the connection.

    Each address may take an equal share of the remaining time to `deadline` (monotonic seconds). Raises ServerError.
    """
    found = find_addresses(address, deadline)
    for left in range(len(found), 1, -1):
        with suppress(ServerError):
            return connect(found[-left], monotonic() + (deadline - monotonic()) / left)
    return connect(found[-1], deadline)


def find_addresses(address: ServerAddress, deadline: float) -> Sequence[Address]:
    """Return the addresses of the host. Raises ServerError if they are not known by `deadline` (monotonic seconds)."""
    try:
        found = resolve(address.host, address.port, max(deadline - monotonic(), 0))
    except TimeoutError:
        raise ServerTimeout(f"the name {address.host} was not resolved in time") from None
    except OSError as error:
        _require_free_socket()
        raise ServerError(f"the name {address.host} cannot be resolved: {error.strerror}") from None
    if not found:
        raise ServerError(f"the name {address.host} has no address")
    return found


def connect(address: Address, deadline: float) -> socket.socket:
    """Return a socket that is connected by `deadline` (monotonic seconds). Raises ServerError."""
    try:
        return _connect(address, max(deadline - monotonic(), _MIN_CONNECT_SECONDS))
    except OSError as error:
        raise server_error(error) from None


def server_error(error: Exception) -> ServerError:
    """Return the ServerError for an exception of a socket or of OpenSSL."""
    if isinstance(error, TimeoutError):
        return ServerTimeout("the server did not answer in time")
    if getattr(error, "errno", None) in _LOCAL_ERRORS:
        return PoolExhausted(f"this process cannot open another connection: {error}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(error)
    reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    is_lost = isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)
    details = ": ".join(filter(None, [type(error).__name__, reason]))
    return (ConnectionLost if is_lost else ServerError)(f"the connection failed: {details}")


def _require_free_socket() -> None:
    """Raise PoolExhausted if this process cannot open a socket, as a lookup of a name has to."""
    try:
        socket.socket().close()
    except OSError as error:
        raise server_error(error) from None


def _connect(address: Address, timeout: float) -> socket.socket:
    family, kind, protocol, _, socket_address = address
    connected = socket.socket(family, kind, protocol)  # OSError if this system lacks the family, such as IPv6
    try:
        connected.settimeout(timeout)
        connected.connect(socket_address)
        # With Nagle's algorithm the bind would be sent 40 ms later.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connected.close()
        raise
    return connected
