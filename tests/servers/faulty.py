"""A way to a server that can fail in the ways in which networks and servers do."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import Literal

Fault = Literal["none", "hang", "drop", "trickle", "garbage"]


class Faulty:
    """Passes connections on to a port of this machine; what comes back may be held up, broken or made up.

    Thread-safe. A fault counts for connections that are open already, too.
    """

    def __init__(self, target: int) -> None:
        self.fault: Fault = "none"
        self.opened = 0
        """How many connections there have been."""
        self.most = 0
        """How many there have been at once."""
        self.answers = 0
        """How often anything came back through it whole."""
        self._target = target
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Take no more connections, and end those that there are."""
        with suppress(OSError):  # it does so already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def listen(self) -> None:
        """Take connections again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections, as a server does that is restarted."""
        with self._lock:
            ended, self._open = self._open, set()
        for link in ended:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                with self._lock:
                    self.opened += 1
                    self._open |= {near, far}
                    self.most = max(self.most, len(self._open) // 2)
                Thread(target=self._pass, args=(near, far, False), daemon=True).start()
                Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while octets := source.recv(65536):
                if not back or self.fault == "none":
                    sink.sendall(octets)
                    self.answers += back
                elif not self._fail(sink, octets):
                    break
        for link in (source, sink):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            with self._lock:
                self._open.discard(link)

    def _fail(self, sink: socket.socket, octets: bytes) -> bool:
        """Do what is the fault now; says whether the connection goes on."""
        if self.fault == "drop":
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
def faulty(target: int) -> Iterator[Faulty]:
    """Open a way to the port, which works to begin with."""
    way = Faulty(target)
    try:
        yield way
    finally:
        way.refuse()
