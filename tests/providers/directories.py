"""Directories that are not as they should be, and a way to them that leads elsewhere."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Thread

import trustme

from tests.people import ZOE
from tests.servers.process import free_port, listens, running
from tests.servers.slapd import Slapd, _fill, _write_configuration


@contextmanager
def directory(home: Path, *, tls: bool = True, not_after: datetime | None = None) -> Iterator[Slapd]:
    """Run a directory that knows Zoé, with a certificate that ends then, or without TLS."""
    _write_configuration(home)
    if not_after:
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        leaf = authority.issue_cert("localhost", not_after=not_after, key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(home / "ca.pem")
        leaf.cert_chain_pems[0].write_to_path(home / "server.pem")
        leaf.private_key_pem.write_to_path(home / "server.key")
    if not tls:
        lines = (home / "slapd.conf").read_text().splitlines()
        (home / "slapd.conf").write_text("\n".join(line for line in lines if not line.startswith("TLS")))
    server = Slapd(home, free_port(), free_port())
    with started(server, tls=tls):
        _fill(server)
        server.add_person(ZOE)
        yield server


@contextmanager
def started(server: Slapd, *, tls: bool = True) -> Iterator[None]:
    """Run the directory that is in this folder already."""
    program = server.home / "slapd"
    if not program.exists():
        shutil.copy("/usr/sbin/slapd", program)
    ports = [server.port, server.tls_port] if tls else [server.port]
    urls = f"ldap://127.0.0.1:{server.port}" + (f" ldaps://127.0.0.1:{server.tls_port}" if tls else "")
    with (server.home / "slapd.log").open("ab") as log:
        command = [str(program), "-f", str(server.home / "slapd.conf"), "-d", "stats", "-h", urls]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        with running(process, lambda: all(map(listens, ports))):
            yield


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
