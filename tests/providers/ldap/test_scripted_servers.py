"""What servers may send: messages that are not the response to a request are refused, in time and in little memory."""

import time
import tracemalloc
from collections.abc import Iterable, Iterator
from itertools import repeat
from time import monotonic

import pytest
from ldap3.core.results import RESULT_INVALID_CREDENTIALS, RESULT_REFERRAL

from providers.ldap.client.errors import ConnectionLost, InvalidRequest, ServerError, ServerTimeout, StartTlsRefused
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import SUBTREE
from tests.servers.ldap_messages import (
    BIND_RESPONSE,
    EXTENDED_RESPONSE,
    INTERMEDIATE_RESPONSE,
    SEARCH_DONE,
    element,
    integer,
    message,
    octet_string,
    result,
)
from tests.servers.scripted_ldap import BIND_REQUEST, EXTENDED_REQUEST, RawResponse
from tests.support.ldap_connections import SECONDS, ZOE, bind, connected, search

DENIED = result(BIND_RESPONSE, RESULT_INVALID_CREDENTIALS)
DISCONNECTION = message(0, result(EXTENDED_RESPONSE, 52, element(0x8A, b"1.3.6.1.4.1.1466.20036")))
UNKNOWN_NOTICE = message(0, result(EXTENDED_RESPONSE, 0, element(0x8A, b"1.2.3.4")))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes(100),
        b"\x30\x80\x02\x01\x01\x00\x00",
        b"\x30\xff" + bytes(126),
        b"\x30\x84\x40\x00\x00\x00" + bytes(2**20),
        b"\x30\x03\x02\x01" * 64,
        b"\x30\x00",
    ],
    ids=["HTTP", "zeros", "indefinite length", "127 octets of length", "1 GiB", "parts of messages", "empty message"],
)
def test_data_that_is_not_ldap_is_refused_immediately(data: bytes) -> None:
    start = monotonic()
    with pytest.raises(ServerError):
        bind(lambda _: [data])
    assert monotonic() - start < SECONDS / 2


def test_byte_at_a_time_does_not_extend_the_deadline() -> None:
    def send_slowly(message_id: int) -> Iterable[bytes]:
        for octet in message(message_id, result(BIND_RESPONSE, text="x" * 200)):
            time.sleep(0.1)
            yield bytes((octet,))

    with connected(BIND_REQUEST, send_slowly) as connection:
        connection.deadline = monotonic() + 1
        with pytest.raises(ServerTimeout):
            connection.bind("cn=x", b"a password")
        assert monotonic() < connection.deadline + 5


def test_endless_entries_are_refused_before_they_fill_the_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ServerError, match="more than 16777216 bytes"):
            search(lambda message_id: repeat(message(message_id, ZOE) * 1000))
        assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "value",
    [
        element(0x31, integer(2**31 - 1)),
        element(0x31, b"\x01\x01\xff"),
        element(0x31, element(0x30)),
        octet_string(b"x"),
    ],
    ids=["number", "boolean", "sequence", "no set"],
)
def test_value_that_is_not_a_text_is_refused(value: bytes) -> None:
    # ldap3 reads a number as a text of that many zeros.
    damaged = element(0x64, octet_string(b"cn=x"), element(0x30, element(0x30, octet_string(b"uid"), value)))
    with pytest.raises(ServerError):
        search(lambda message_id: [message(message_id, damaged), message(message_id, result(SEARCH_DONE))])


def test_deeply_nested_message_is_refused() -> None:
    nested = b""
    for _ in range(5000):
        nested = element(0x30, nested)
    with pytest.raises(ServerError):
        search(lambda message_id: [message(message_id, element(0x64, octet_string(b"cn=x"), nested))])


@pytest.mark.parametrize(
    "data",
    [DISCONNECTION, UNKNOWN_NOTICE, message(77_777_777, result(BIND_RESPONSE))],
    ids=["notice of disconnection", "unknown notice", "another message id"],
)
def test_message_without_a_request_is_the_end_of_the_connection(data: bytes) -> None:
    with pytest.raises(ConnectionLost):
        bind(lambda _: [data])


def test_first_of_two_responses_counts_and_the_connection_is_not_reused() -> None:
    def respond(message_id: int) -> list[bytes]:
        return [message(message_id, DENIED) + message(message_id, result(BIND_RESPONSE))]

    with connected(BIND_REQUEST, respond) as connection:
        assert connection.bind("cn=x", b"a password").code == RESULT_INVALID_CREDENTIALS
        assert connection.is_closed_by_server()


@pytest.mark.parametrize(("after", "expected"), [(b"", False), (DISCONNECTION, True), (UNKNOWN_NOTICE, True)])
def test_notice_after_a_response_ends_the_use_of_the_connection(after: bytes, expected: bool) -> None:
    with connected(BIND_REQUEST, lambda message_id: [message(message_id, DENIED) + after]) as connection:
        assert connection.bind("cn=x", b"a password").code == RESULT_INVALID_CREDENTIALS
        assert connection.is_closed_by_server() is expected


@pytest.mark.parametrize(
    "operations",
    [
        [element(INTERMEDIATE_RESPONSE), result(BIND_RESPONSE)],
        [element(INTERMEDIATE_RESPONSE, element(0x80, b"1.2.3"))],
    ],
    ids=["before the response", "without a name"],
)
def test_intermediate_response_to_a_bind_is_refused(operations: list[bytes]) -> None:
    with pytest.raises(ServerError):
        bind(lambda message_id: [message(message_id, operation) for operation in operations])


def test_intermediate_response_to_a_search_is_refused() -> None:
    # It could mean that the entries are the result of something else, such as a synchronization (RFC 4533).
    operations = [ZOE, element(INTERMEDIATE_RESPONSE, element(0x80, b"1.2.3")), result(SEARCH_DONE)]
    with pytest.raises(ServerError):
        search(lambda message_id: [message(message_id, operation) for operation in operations])


@pytest.mark.parametrize(
    "more", [b"\x30", bytes(8), b"\x30\x0c\x02\x01", message(2, result(BIND_RESPONSE))], ids=bytes.hex
)
def test_unencrypted_data_after_the_response_to_start_tls_is_refused(more: bytes) -> None:
    with pytest.raises(ServerError, match="unencrypted data, possibly from an attacker"):
        connect_with_tls(lambda message_id: [message(message_id, result(EXTENDED_RESPONSE)) + more])


def test_second_unencrypted_response_to_start_tls_is_refused() -> None:
    def respond(message_id: int) -> list[bytes]:
        return [message(message_id, result(EXTENDED_RESPONSE)) * 2]

    with pytest.raises(ServerError, match="unencrypted data, possibly from an attacker"):
        connect_with_tls(respond)


def test_unencrypted_response_in_place_of_a_handshake_is_refused() -> None:
    def respond(message_id: int) -> Iterator[bytes]:
        yield message(message_id, result(EXTENDED_RESPONSE))
        time.sleep(0.3)
        yield message(message_id + 1, result(BIND_RESPONSE))

    with pytest.raises(ServerError):
        connect_with_tls(respond)


@pytest.mark.parametrize("code", [1, 2, RESULT_REFERRAL, 52])
def test_refused_start_tls_ends_the_connection(code: int) -> None:
    with pytest.raises(StartTlsRefused):
        connect_with_tls(lambda message_id: [message(message_id, result(EXTENDED_RESPONSE, code))])


def connect_with_tls(response: RawResponse) -> None:
    """Open a connection with StartTLS, which the server answers like this."""
    with connected(EXTENDED_REQUEST, response, plaintext=False):
        pass


def test_dn_that_is_not_utf8_is_not_sent_and_keeps_the_connection_usable() -> None:
    odd = b"cn=\xff".decode("utf-8", "surrogateescape")
    with connected(BIND_REQUEST, lambda message_id: [message(message_id, DENIED)]) as connection:
        with pytest.raises(InvalidRequest):
            connection.bind(odd, b"a password")
        with pytest.raises(InvalidRequest):
            connection.search(odd, SUBTREE, ANY_ENTRY, ["uid"])
        assert connection.bind("cn=x", b"a password").code == RESULT_INVALID_CREDENTIALS


def test_empty_password_is_never_sent() -> None:
    # It would be an unauthenticated bind, which succeeds (RFC 4513 §5.1.2).
    with connected(BIND_REQUEST, lambda message_id: [message(message_id, result(BIND_RESPONSE))]) as connection:
        for name, password in (("cn=x", b""), ("", b"a password")):
            with pytest.raises(InvalidRequest):
                connection.bind(name, password)


def test_password_is_forgotten_after_the_bind() -> None:
    with connected(BIND_REQUEST, lambda message_id: [message(message_id, DENIED)]) as connection:
        connection.bind("cn=x", b"a password")
        engine = connection._ldap3  # noqa: SLF001
        assert "a password" not in repr([vars(engine), vars(engine.strategy)])
