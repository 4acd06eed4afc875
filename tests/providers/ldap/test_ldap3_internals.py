"""The parts of ldap3 that are not its public interface work as Latchkey uses them."""

import gc
import socket
import ssl
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from time import monotonic

import pytest
from ldap3.strategy.sync import SyncStrategy

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.ldap3_internals import has_result_code, open_ldap3, parse_filter
from providers.ldap.client.message_stream import MessageStream
from tests.servers.ldap_messages import BIND_RESPONSE, message, result
from tests.servers.scripted_ldap import BIND_REQUEST, scripted_ldap


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
