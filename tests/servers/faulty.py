"""A TCP proxy that injects the faults of networks and servers."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Literal

Fault = Literal["none", "hang", "drop", "drop one", "trickle", "garbage"]


class FaultyProxy:
    """Forwards connections to a port of this machine. `fault` delays, truncates or replaces the responses.

    Thread-safe. A change of `fault` also affects open connections.
    """

    def __init__(self, target: int, host: str = "127.0.0.1", port: int = 0) -> None:
        self.fault: Fault = "none"
        self.unanswered = b""
        """A connection on which a request contains these octets, unless empty, gets no response from then on."""
        self.delay = 0.0
        """The seconds for which requests and responses are delayed, each."""
        self.accepted = 0
        """The number of connections so far."""
        self.max_open = 0
        """The highest number of connections that were open concurrently."""
        self.responses = 0
        """The number of responses that were forwarded unchanged."""
        self._target = target
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._host = host
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Refuse new connections, and close those that are open."""
        with suppress(OSError):  # the listener is already closed
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()

    def listen(self) -> None:
        """Accept connections again."""
        self._listener = socket.create_server((self._host, self.port))
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close_connections(self) -> None:
        """Close all open connections, as a server that restarts does."""
        with self._lock:
            closing, self._open = self._open, set()
        for connection in closing:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self.accepted += 1
                    self._open |= {client, server}
                    self.max_open = max(self.max_open, len(self._open) // 2)
                silenced = Event()
                Thread(target=self._forward, args=(client, server, silenced, False), daemon=True).start()
                Thread(target=self._forward, args=(server, client, silenced, True), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, silenced: Event, is_response: bool) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                time.sleep(self.delay)
                if not is_response and self.unanswered and self.unanswered in octets:
                    silenced.set()
                if is_response and silenced.is_set():
                    continue
                if not is_response or self.fault == "none":
                    self.responses += is_response  # before the client has it, and may read the number
                    sink.sendall(octets)
                elif not self._inject_fault(sink, octets):
                    break
        for connection in (source, sink):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._open.discard(connection)

    def _inject_fault(self, sink: socket.socket, octets: bytes) -> bool:
        """Send what the current fault makes of the response. Return whether the connection stays open."""
        if self.fault in {"drop", "drop one"}:
            self.fault = "drop" if self.fault == "drop" else "none"
            sink.sendall(octets[: len(octets) // 2])
            return False
        if self.fault == "garbage":
            sink.sendall(b"\x30\x03\x02\x01" * 64)
        if self.fault == "trickle":
            for octet in octets:
                sink.sendall(bytes((octet,)))
                time.sleep(0.2)
        return True


@contextmanager
def faulty_proxy(target: int) -> Iterator[FaultyProxy]:
    """Run a proxy to the port, without a fault at first."""
    proxy = FaultyProxy(target)
    try:
        yield proxy
    finally:
        proxy.refuse()
