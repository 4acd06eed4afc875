"""The parts of ldap3 that are not its public interface work as Latchkey uses them."""

import gc
import socket
import ssl
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from time import monotonic
from typing import Any

import pytest
from ldap3 import DEREF_NEVER
from ldap3 import Connection as Connection3
from ldap3.protocol.rfc2696 import paged_search_control
from ldap3.strategy.sync import SyncStrategy

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import ConnectionLost
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.ldap3_internals import has_result_code, open_ldap3, parse_filter, send_search
from providers.ldap.client.message_stream import MessageStream
from providers.ldap.client.protocol import BASE, SUBTREE, Scope
from tests.servers.ldap_messages import BIND_RESPONSE, message, result
from tests.servers.scripted_ldap import BIND_REQUEST, scripted_ldap, split_request


@contextmanager
def connected(port: int) -> Iterator[MessageStream]:
    """Yield a stream to a port of this machine."""
    with closing(MessageStream(socket.create_connection(("127.0.0.1", port)), monotonic() + 20)) as stream:
        yield stream


def test_version_is_the_one_whose_internals_are_known() -> None:
    assert version("ldap3").startswith("2.9.")


def test_connection_is_open_without_a_socket_of_ldap3() -> None:
    with scripted_ldap({BIND_REQUEST: [result(BIND_RESPONSE)]}) as port, connected(port) as stream:
        connection = open_ldap3(stream)
        assert isinstance(connection.strategy, SyncStrategy)
        connection.user, connection.password = "cn=x", b"secret"
        assert connection.bind(read_server_info=False)
        assert (connection.socket, stream.message_count) == (stream, 1)


def test_every_message_passes_the_strict_decoder() -> None:
    responses = [result(BIND_RESPONSE, b"\x02\x01\x00")]
    with scripted_ldap({BIND_REQUEST: responses}) as port, connected(port) as stream:
        connection = open_ldap3(stream)
        connection.user, connection.password = "cn=x", b"secret"
        with pytest.raises(ValueError, match="another type"):
            connection.bind(read_server_info=False)


def sent(search: Callable[[Connection3], object]) -> bytes:
    """Return what the search sends on a connection of ldap3, after the message id. The server ends the connection."""
    ours, peer = socket.socketpair()
    with closing(MessageStream(ours, monotonic() + 20)) as stream, peer:
        peer.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionLost):
            search(open_ldap3(stream))
        return split_request(peer.recv(65536))[1]


@pytest.mark.parametrize(
    ("base", "scope", "attributes", "sizes"),
    [
        ("ou=people,dc=x", SUBTREE, ["uid", "memberOf", "cn;lang-de"], {"size_limit": 10}),
        ("uid=zoé,dc=x", BASE, ["objectClass"], {}),
        ("", BASE, [f"attribute{number}" for number in range(100)], {}),
        ("dc=x", SUBTREE, ["uid"], {"paged_size": 500}),
    ],
)
@pytest.mark.parametrize("search_filter", [ANY_ENTRY, r"(&(uid=\7a\c3\a9)(!(|(cn=a*b*c)(mail>=x)(x:dn:1.2:=y))))"])
def test_search_is_the_one_that_ldap3_sends(
    base: str, scope: Scope, attributes: list[str], sizes: dict[str, Any], search_filter: str
) -> None:
    def search(connection: Connection3) -> None:
        connection.send = connection.strategy.send
        connection.search(base, search_filter, scope, DEREF_NEVER, attributes, time_limit=7, **sizes)

    def search_with_encoded_parts(connection: Connection3) -> None:
        controls = [paged_search_control(False, sizes["paged_size"], b"")] if "paged_size" in sizes else []
        limits = {"size_limit": sizes.get("size_limit", 0), "time_limit": 7}
        send_search(connection, base, scope, search_filter, attributes, **limits, controls=controls)

    expected = sent(search)
    for _ in range(2):  # the second request has the parts that the first one has encoded
        assert sent(search_with_encoded_parts) == expected


@pytest.mark.parametrize(("code", "expected"), [(0, True), (49, True), (4096, True), (b"\x0a\x00", False)])
def test_result_code_without_octets_is_none(code: int | bytes, expected: bool) -> None:
    for text in ("", "x" * 300):
        assert has_result_code(message(7, result(BIND_RESPONSE, code, text=text))) is expected


def test_filter_is_parsed_into_a_tree() -> None:
    root = parse_filter("(&(uid=x)(!(cn=y*)))")
    assert next(child.assertion for child in root.elements) == {"attr": "uid", "value": b"x"}


def test_closed_connection_is_freed_without_a_garbage_collection() -> None:
    gc.collect()
    gc.disable()
    try:
        with scripted_ldap({}) as port:
            address = ServerAddress("127.0.0.1", port, plaintext=True)
            connection = Connection(address, ssl.create_default_context(), monotonic() + 20)
            alive = weakref.ref(connection._ldap3)  # noqa: SLF001
            connection.close()
            del connection
            assert alive() is None
    finally:
        gc.enable()
