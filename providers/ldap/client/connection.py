"""One connection to one server: what is said over it, and by when it must have been answered."""

import math
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from select import POLLIN, poll
from time import monotonic
from typing import Any

from ldap3.core.results import (
    RESULT_INVALID_DN_SYNTAX,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_SUCCESS,
)

from providers.interface import ProviderUnavailable
from providers.ldap.client.answers import Answer, Entry, read_message, size_of
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
from providers.ldap.client.resolver import Address, addresses
from providers.ldap.settings import ServerAddress

_COMPLETE, _CUT_OFF = {RESULT_SUCCESS}, {RESULT_SIZE_LIMIT_EXCEEDED}
_NOTHING = {RESULT_NO_SUCH_OBJECT, RESULT_INVALID_DN_SYNTAX}
_LONGEST = 16 * 2**20  # octets of an answer: a directory's word is no reason to fill the memory
# What a server says that another one may not: busy, unavailable, or at its wits' end.
_OF_THE_SERVER = {1, 2, 3, 51, 52, 54, 80}


class ServerError(ProviderUnavailable):
    """A server gave no proper answer; another one may."""


class ServerTimeout(ServerError):
    """It took the time it had, and may do so again."""


class ConnectionLost(ServerError):
    """It closed the connection."""


class PoolExhausted(ServerError):
    """All connections to it were in use for as long as there was time; it may well work."""


class Connection:
    """A connection, with TLS where the address wants it. For one thread at a time.

    Everything raises ServerFault once `deadline` (monotonic seconds) is over, or the server is out;
    the connection is of no use afterwards.
    """

    def __init__(self, address: ServerAddress, tls: ssl.SSLContext, deadline: float) -> None:
        self.deadline = deadline
        self.opened_at = monotonic()
        self._tls = tls
        self._buffer = b""
        self._number = 0
        self._socket: socket.socket = _connected(address, deadline)
        try:
            self._secure(address)
        except BaseException:
            self._socket.close()
            raise

    def bind(self, name: str, password: bytes) -> Answer:
        """Ask whether the password is theirs. The caller has seen to it that there is one (RFC 4513 §5.1.2)."""
        return _of_the_directory(self._ask(bind_request(name, password), [control(PASSWORD_POLICY)]))

    def search(
        self,
        base: str,
        scope: int,
        condition: bytes,
        attributes: Iterable[str],
        *,
        at_most: int = 0,
        controls: Iterable[bytes] = (),
    ) -> Answer:
        """Return what matches, with the entries; with `at_most`, no more than that many.

        An entry that is asked for by its DN, and is not there, is nothing. Raises ProviderUnavailable if the
        directory does not want to say.
        """
        seconds = max(1, math.ceil(self.deadline - monotonic()))
        request = search_request(base, scope, condition, attributes, at_most=at_most, seconds=seconds)
        answer = _of_the_directory(self._ask(request, controls))
        if answer.code in _COMPLETE | (_NOTHING if scope == BASE else set()) | (_CUT_OFF if at_most else set()):
            return answer
        raise ProviderUnavailable(f"ldap: a search {'of' if scope == BASE else 'below'} a DN failed: {answer.name}")

    def is_stale(self) -> bool:
        """Say whether the server has spoken, or gone, since the last answer."""
        # Nothing is expected now, neither the end of the stream nor a notice of it (RFC 4511 §4.4.1).
        if self._buffer:
            return True
        waiting = poll()
        waiting.register(self._socket, POLLIN)
        if not waiting.poll(0):
            return False
        self._socket.settimeout(0)
        try:  # it may be a word of TLS alone
            return self._socket.recv(1) is not None
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Take leave, without waiting for anything."""
        with suppress(OSError):
            self._socket.settimeout(0)
            self._socket.sendall(message(self._number + 1, UNBIND))
        self._socket.close()

    def certificate(self) -> dict[str, Any]:
        """Return what the server has shown of itself (`ssl.SSLSocket.getpeercert`); empty without TLS."""
        shown = self._socket.getpeercert() if isinstance(self._socket, ssl.SSLSocket) else None
        return dict(shown or {})

    def _secure(self, address: ServerAddress) -> None:
        if address.plaintext:
            return
        if not address.ldaps:
            answer = self._ask(start_tls_request())
            if answer.code != RESULT_SUCCESS:
                raise ServerError("ldap: StartTLS was refused, so nothing was sent")
            if self._buffer:
                raise ServerError("ldap: more than an answer came before TLS, which somebody else may have sent")
        self._socket.settimeout(self._remaining())
        try:
            self._socket = self._tls.wrap_socket(self._socket, server_hostname=address.host)
        except (OSError, ValueError) as error:
            raise _fault(error) from None

    def _ask(self, request: bytes, controls: Iterable[bytes] = ()) -> Answer:
        self._number += 1
        self._send(message(self._number, request, controls))
        entries: list[Entry] = []
        while True:
            number, said = self._receive(entries)
            if number != self._number:
                raise ConnectionLost("ldap: the server has ended the connection")
            if isinstance(said, Answer):
                return said
            if said:
                entries.append(said)

    def _send(self, octet_string: bytes) -> None:
        self._socket.settimeout(self._remaining())
        try:
            self._socket.sendall(octet_string)
        except OSError as error:
            raise _fault(error) from None

    def _receive(self, entries: list[Entry]) -> tuple[int, Answer | Entry | None]:
        try:
            while (size := size_of(self._buffer)) is None or len(self._buffer) < size:
                if size and size > _LONGEST:
                    raise ServerError("ldap: an answer is longer than we take")
                self._buffer += self._more()
            whole, self._buffer = self._buffer[:size], self._buffer[size:]
            return read_message(whole, entries)
        except ValueError:
            raise ServerError("ldap: an answer is not LDAP") from None

    def _more(self) -> bytes:
        self._socket.settimeout(self._remaining())
        try:
            more = self._socket.recv(65536)
        except OSError as error:
            raise _fault(error) from None
        if not more:
            raise ConnectionLost("ldap: the server has closed the connection")
        return more

    def _remaining(self) -> float:
        remaining = self.deadline - monotonic()
        if remaining <= 0:
            raise ServerTimeout("ldap: no answer in time")
        return remaining


def _of_the_directory(answer: Answer) -> Answer:
    """Return an answer that any other server would give too; ServerFault if it tells of this one alone."""
    if answer.code in _OF_THE_SERVER:
        raise ServerError(f"ldap: the server answered: {answer.name}")
    return answer


def _connected(address: ServerAddress, deadline: float) -> socket.socket:
    """Return a socket to the first of the host's addresses that takes one; each has its share of the time."""
    try:
        found = addresses(address.host, address.port, max(deadline - monotonic(), 0))
    except TimeoutError:
        raise ServerTimeout(f"ldap: nobody told an address of {address.host} in time") from None
    except OSError as error:
        raise ServerError(f"ldap: {address.host} has no address: {error.strerror}") from None
    fault = ServerError(f"ldap: {address.host} has no address")
    for left in range(len(found), 0, -1):
        try:
            return _linked(found[-left], max((deadline - monotonic()) / left, 0.001))
        except OSError as error:
            fault = _fault(error)
    raise fault


def _linked(address: Address, seconds: float) -> socket.socket:
    family, kind, protocol, _, place = address
    link = socket.socket(family, kind, protocol)  # OSError if this system lacks the family, such as IPv6
    try:
        link.settimeout(seconds)
        link.connect(place)
        # Without it Nagle's algorithm holds the bind back for 40 ms.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        link.close()
        raise
    return link


def _fault(error: Exception) -> ServerError:
    if isinstance(error, TimeoutError):
        return ServerTimeout("ldap: no answer in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        return ServerError(f"ldap: the server's certificate is not good: {error.verify_message}")
    told = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    lost = isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return (ConnectionLost if lost else ServerError)(f"ldap: {type(error).__name__}: {told}")
