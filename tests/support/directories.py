"""Directories that are not as they should be, and a way to them that leads elsewhere."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Thread

from providers.ldap import LdapProvider
from providers.ldap.settings import LdapSettings
from tests.servers.slapd import Slapd, slapd
from tests.support.users import ZOE


def ldap_provider(environ: Mapping[str, str]) -> LdapProvider:
    """Return the provider of a directory in which an account may search."""
    return LdapProvider(LdapSettings.read(environ))


@contextmanager
def directory(home: Path, *, tls: bool = True, not_after: datetime | None = None) -> Iterator[Slapd]:
    """Run a directory that knows Zoé, with a certificate that ends then, or without TLS."""
    with slapd(home, tls=tls, not_after=not_after) as server:
        server.add_person(ZOE)
        yield server


@contextmanager
def relay(target: Callable[[int], int]) -> Iterator[int]:
    """Yield a port whose first connection goes to the port `target(1)`, its second to `target(2)`, and so on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_accept, args=(listener, target), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: Callable[[int], int]) -> None:
    number = 0
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            number += 1
            far = socket.create_connection(("127.0.0.1", target(number)))
            Thread(target=_join, args=(near, far), daemon=True).start()


def _join(near: socket.socket, far: socket.socket) -> None:
    back = Thread(target=_copy, args=(far, near), daemon=True)
    with near, far:
        back.start()
        _copy(near, far)
        back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
