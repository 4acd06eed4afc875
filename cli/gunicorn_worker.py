"""The gunicorn worker of a deployment: slow clients occupy none of its threads."""

import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from cli.invalid_requests import response_to

REQUEST_SECONDS = 10.0
"""How long a client may take to send a request, or to close the connection after the last response."""
MAX_BUFFERED = 32 * 1024
"""The number of octets of a request that the kernel buffers. The rest of a longer request is read by a thread."""

_END_OF_HEAD = b"\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?:\r\n|\Z)", re.IGNORECASE)
_READ_BY_A_THREAD = re.compile(rb"\r\n(?:expect|transfer-encoding):", re.IGNORECASE)
"""With these headers, the client waits before it sends the body, or the end of the body is not known."""


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's gthread worker, whose main thread waits for slow clients.

    A thread of gthread reads a request until it is complete, however long that takes, and the main thread waits up to 2
    seconds for a client to close its connection: a few slow clients stop the worker. Here, a thread receives requests
    that have arrived, and both waits cost a place of `worker_connections`, for at most REQUEST_SECONDS.

    A thread waits, for at most REQUEST_SECONDS too, with TLS, on a Unix socket, and for the rest of a request that is
    not buffered.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading_until: dict[Any, float] = {}
        """The connections that threads handle, the oldest first."""

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not. A worker that stops accepts those that wait, and closes its listening sockets.

        Gunicorn closes them when the last request has ended. Until then, the kernel accepts connections that no worker
        serves, and resets them.
        """
        super().set_accept_enabled(enabled)
        while not enabled and not self.alive and self.sockets:
            listener = self.sockets.pop()
            self._accept_waiting(listener)
            listener.close()

    def is_parent_alive(self) -> bool:
        """Return whether the main process runs. Without it, the worker stops, as after SIGTERM."""
        if not super().is_parent_alive():
            self.alive = False
        return bool(self.alive)

    def enqueue_req(self, conn: Any) -> None:
        """Let a thread handle the next request of the connection when it has arrived."""
        if self._can_buffer(conn) and not _has_arrived(conn.sock):
            self._watch(conn, partial(self.on_pending_socket_readable, conn))
        else:
            self._let_thread_handle(conn)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Let a thread handle a request whose last octets have arrived."""
        if not self._can_buffer(conn) or _has_arrived(client):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            conn.data_ready = True
            self._let_thread_handle(conn)

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        """Wait for the client to close a connection after its last response: closing first could discard the response.

        See RFC 9112 §9.6.
        """
        self._reading_until.pop(conn, None)
        is_last = not fs.cancelled() and fs.exception() is None and fs.result() is False
        if is_last and self._is_plain(conn):
            with suppress(OSError):  # the connection is already closed
                conn.sock.shutdown(socket.SHUT_WR)
                _take_from_application(conn)
                self._watch(conn, partial(self._discard, conn))
                return
        super().finish_request(conn, fs)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Handle a request, in a thread. What follows a request for another protocol has no time limit."""
        names = {name for name, _ in req.headers}
        if "UPGRADE" in names and names.isdisjoint({"CONTENT-LENGTH", "TRANSFER-ENCODING"}):
            self._reading_until.pop(conn, None)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Respond to a request that is not valid HTTP as the API does to errors. Gunicorn responds with HTML.

        Gunicorn's log line would repeat parts of the request, such as a header with a token.
        """
        response = response_to(exc)
        if response is None:
            super().handle_error(req, client, addr, exc)
            return
        address = addr[0] if addr else "a Unix socket"
        self.log.warning("a request of %s is not valid HTTP: %s", address, type(exc).__name__)
        with suppress(OSError):  # the client has closed the connection
            write_nonblock(client, response)

    def murder_pending(self) -> None:
        """Close the connections that wait for too long, and let no thread wait longer for the rest of a request."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, until in [*self._reading_until.items()] if until < now]:
            self._reading_until.pop(conn, None)
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)  # what has arrived can be read, and the response can be sent

    def _accept_waiting(self, listener: Any) -> None:
        listener.setblocking(False)
        before = -1
        while before < self.nr_conns < self.worker_connections:
            before = self.nr_conns
            self.accept(listener)

    def _let_thread_handle(self, conn: Any) -> None:
        self._reading_until[conn] = time.monotonic() + REQUEST_SECONDS
        super().enqueue_req(conn)

    def _can_buffer(self, conn: Any) -> bool:
        has_read_ahead = conn.parser is not None and conn.parser.unreader.buf.getvalue()
        return self._is_plain(conn) and not has_read_ahead

    def _is_plain(self, conn: Any) -> bool:
        """Return whether the connection is HTTP/1 over TCP."""
        is_tcp = conn.sock.family in {socket.AF_INET, socket.AF_INET6}
        return is_tcp and not (self.cfg.is_ssl or conn.is_http2) and self.cfg.protocol == "http"

    def _watch(self, conn: Any, callback: Callable[[socket.socket], None]) -> None:
        """Call `callback` when the connection is readable, and close it after REQUEST_SECONDS."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + REQUEST_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, callback)

    def _discard(self, conn: Any, client: socket.socket) -> None:
        """Discard what the client sends after the last response, and close the connection when the client has."""
        try:
            is_open = bool(client.recv(65536))
        except BlockingIOError:
            is_open = True
        except OSError:
            is_open = False
        if not is_open:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self.nr_conns -= 1
            conn.close()


def _take_from_application(conn: Any) -> None:
    """Replace the socket of the connection with a copy, which the application does not have.

    The thread of a WebSocket closes its socket when it ends. The next connection would get the number of the socket,
    which the worker still watches, and the worker would end.
    """
    shared, conn.sock = conn.sock, conn.sock.dup()
    shared.close()


def _has_arrived(client: socket.socket) -> bool:
    """Return whether a thread can read the request without waiting.

    If not, the socket becomes readable again with the next octet, and not before.
    """
    try:
        octets = client.recv(MAX_BUFFERED, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    # A socket that is readable with fewer octets than it has waited for was closed by the client.
    is_closed = len(octets) < client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    has_arrived = is_closed or _is_complete(octets)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if has_arrived else len(octets) + 1)
    return has_arrived


def _is_complete(octets: bytes) -> bool:
    """Return whether the octets are a request, or the part of it that is buffered."""
    head, end, body = octets.partition(_END_OF_HEAD)
    if len(octets) >= MAX_BUFFERED or not end:
        return len(octets) >= MAX_BUFFERED
    if _READ_BY_A_THREAD.search(head):
        return True
    length = _CONTENT_LENGTH.search(head)
    return length is None or len(body) >= int(length[1])
