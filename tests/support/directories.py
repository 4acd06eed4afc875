"""LDAP providers and directories for tests, and a relay that forwards connections to changing ports."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Thread

from providers.ldap import SearchProvider
from providers.ldap.settings import LdapSettings
from tests.servers.slapd import Slapd, slapd, started
from tests.support.certificates import Authority
from tests.support.users import ZOE


def ldap_provider(environ: Mapping[str, str]) -> SearchProvider:
    """Return the provider of a directory with a service account."""
    return SearchProvider(LdapSettings.read(environ))


@contextmanager
def directory(home: Path, *, tls: bool = True, not_after: datetime | None = None) -> Iterator[Slapd]:
    """Run a directory with the user Zoé, and a certificate that expires at `not_after`, or without TLS."""
    with slapd(home, tls=tls, not_after=not_after) as server:
        server.add_person(ZOE)
        yield server


@contextmanager
def reconfigured(server: Slapd, *added: str, without: str = "") -> Iterator[None]:
    """Run a stopped server with these lines in its configuration, and without another line."""
    configuration = server.home / "slapd.conf"
    text = configuration.read_text()
    changed = "\n".join(line for line in text.splitlines() if line != without)
    configuration.write_text(changed.replace("database mdb", "\n".join([*added, "database mdb"]), 1))
    try:
        with started(server):
            yield
    finally:
        configuration.write_text(text)


def use_certificates(server: Slapd, *chain: bytes, key: bytes, clients: bytes = b"") -> None:
    """Replace the certificates of a stopped server, and the authority of its clients."""
    (server.home / "server.pem").write_bytes(b"".join(chain))
    (server.home / "server.key").write_bytes(key)
    # GnuTLS completes the chain of the server with certificates of this file.
    (server.home / "ca.pem").write_bytes(clients or Authority().pem)


@contextmanager
def relay(target: Callable[[int], int]) -> Iterator[int]:
    """Yield a port that forwards its first connection to the port `target(1)`, the second to `target(2)`, and so on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_accept, args=(listener, target), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: Callable[[int], int]) -> None:
    number = 0
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            number += 1
            server = socket.create_connection(("127.0.0.1", target(number)))
            Thread(target=_forward, args=(client, server), daemon=True).start()


def _forward(client: socket.socket, server: socket.socket) -> None:
    responses = Thread(target=_copy, args=(server, client), daemon=True)
    with client, server:
        responses.start()
        _copy(client, server)
        responses.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
