"""LDAP messages: requests are encoded as ldap3 encodes them, and invalid responses raise only ValueError."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.bind import bind_operation
from ldap3.operation.extended import extended_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc2696 import paged_search_control
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from pyasn1.codec.ber import encoder

from providers.ldap.client.attribute_types import short_name
from providers.ldap.client.filters import Filter
from providers.ldap.client.messages import (
    SUBTREE,
    bind_request,
    control,
    element,
    message,
    octet_string,
    page_control,
    search_request,
    start_tls_request,
)
from providers.ldap.client.responses import Entry, Response, message_size, read_message

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
NUMBERS = st.integers(0, 2**31 - 1)


def ldap3_message(kind: str, number: int, request: object) -> bytes:
    """Return a message, encoded by ldap3."""
    whole = LDAPMessage()
    whole["messageID"] = MessageID(number)
    whole["protocolOp"] = ProtocolOp().setComponentByName(kind, request)
    encoded: bytes = encoder.encode(whole)
    return encoded


@given(NUMBERS, TEXT.filter(bool), st.binary(min_size=1, max_size=300))
def test_bind_request_is_encoded_as_by_ldap3(number: int, name: str, password: bytes) -> None:
    expected = bind_operation(3, "SIMPLE", name, password, auto_encode=False)
    assert message(number, bind_request(name, password)) == ldap3_message("bindRequest", number, expected)


@given(NUMBERS, TEXT, NUMBERS, st.integers(0, 1000))
def test_search_request_is_encoded_as_by_ldap3(number: int, base: str, size_limit: int, time_limit: int) -> None:
    text, attributes = "(&(uid=x)(!(cn=y*)))", ["uid", "memberOf", "1.1"]
    expected = search_operation(base, text, "SUBTREE", "NEVER", attributes, size_limit, time_limit, False, False, False)
    request = search_request(
        base, SUBTREE, Filter(text).encode(), attributes, size_limit=size_limit, time_limit=time_limit
    )
    assert message(number, request) == ldap3_message("searchRequest", number, expected)


def test_start_tls_request_is_encoded_as_by_ldap3() -> None:
    expected = extended_operation("1.3.6.1.4.1.1466.20037")
    assert message(1, start_tls_request()) == ldap3_message("extendedReq", 1, expected)


@given(st.integers(0, 10_000), st.binary(max_size=300))
def test_page_control_is_encoded_as_by_ldap3(size: int, cookie: bytes) -> None:
    assert page_control(size, cookie) == encoder.encode(paged_search_control(False, size, cookie))


NAMES = st.from_regex(r"[a-z][a-z0-9;-]{0,20}", fullmatch=True).map(short_name)
ATTRIBUTES = st.dictionaries(NAMES, st.lists(st.binary(max_size=200), max_size=5), max_size=6)


@given(NUMBERS, st.integers(0, 127), TEXT)
def test_response_and_its_controls_are_decoded(number: int, code: int, text: str) -> None:
    operation = element(
        0x61, bytes((0x0A, 1, code)), octet_string(b""), octet_string(text.encode()), octet_string(b"more")
    )
    assert read_message(message(number, operation)) == (number, Response(code, text, {}))
    controls = [
        control("1.2.3", b"x"),
        control("4.5.6"),
        element(0x30, octet_string(b"7.8"), b"\x01\x01\xff", octet_string(b"y")),
    ]
    assert read_message(message(number, operation, controls)) == (
        number,
        Response(code, text, {"1.2.3": b"x", "4.5.6": b"", "7.8": b"y"}),
    )


@given(st.binary(max_size=200))
def test_random_bytes_raise_only_value_error(received: bytes) -> None:
    for read in (message_size, read_message):
        with suppress(ValueError):
            read(received)


@given(NUMBERS, TEXT, ATTRIBUTES, st.data())
def test_message_with_a_changed_byte_is_decoded_or_raises_value_error(
    number: int, dn: str, attributes: dict[str, list[bytes]], data: st.DataObject
) -> None:
    listed = [
        element(0x30, octet_string(n.encode()), element(0x31, *map(octet_string, v))) for n, v in attributes.items()
    ]
    received = bytearray(message(number, element(0x64, octet_string(dn.encode()), element(0x30, *listed))))
    assert read_message(bytes(received)) == (number, Entry(dn, attributes))
    received[data.draw(st.integers(0, len(received) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        read_message(bytes(received))


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000])
def test_message_size_is_known_from_its_first_bytes(length: int) -> None:
    received = element(0x30, bytes(length))
    known = [message_size(received[:cut]) for cut in range(min(len(received), 8) + 1)]
    assert {size for size in known if size is not None} == {len(received)}
    assert message_size(received + b"more") == len(received)


@pytest.mark.parametrize("received", [b"\x30\x80\x00\x00", b"\x30\x85\x01\x00\x00\x00\x00", b"\x30\xff" + bytes(127)])
def test_invalid_message_length_raises_value_error(received: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the error has no text
        message_size(received)
