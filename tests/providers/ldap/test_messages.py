"""LDAP on the wire: what we say is what ldap3 would say, and nothing that a server says brings us down."""

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

from providers.ldap.client.answers import Answer, Entry, read_message, size_of
from providers.ldap.client.filters import Filter
from providers.ldap.client.messages import (
    SUBTREE,
    bind_request,
    control,
    element,
    message,
    octets,
    page_control,
    search_request,
    start_tls_request,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
NUMBERS = st.integers(0, 2**31 - 1)


def ldap3_says(kind: str, number: int, request: object) -> bytes:
    """Return a message as ldap3 encodes it."""
    whole = LDAPMessage()
    whole["messageID"] = MessageID(number)
    whole["protocolOp"] = ProtocolOp().setComponentByName(kind, request)
    said: bytes = encoder.encode(whole)
    return said


@given(NUMBERS, TEXT.filter(bool), st.binary(min_size=1, max_size=300))
def test_a_bind_is_a_bind(number: int, name: str, password: bytes) -> None:
    theirs = bind_operation(3, "SIMPLE", name, password, auto_encode=False)
    assert message(number, bind_request(name, password)) == ldap3_says("bindRequest", number, theirs)


@given(NUMBERS, TEXT, NUMBERS, st.integers(0, 1000))
def test_a_search_is_a_search(number: int, base: str, at_most: int, seconds: int) -> None:
    text, attributes = "(&(uid=x)(!(cn=y*)))", ["uid", "memberOf", "1.1"]
    theirs = search_operation(base, text, "SUBTREE", "NEVER", attributes, at_most, seconds, False, False, False)
    ours = search_request(base, SUBTREE, Filter(text).encode(), attributes, at_most=at_most, seconds=seconds)
    assert message(number, ours) == ldap3_says("searchRequest", number, theirs)


def test_start_tls_is_start_tls() -> None:
    theirs = extended_operation("1.3.6.1.4.1.1466.20037")
    assert message(1, start_tls_request()) == ldap3_says("extendedReq", 1, theirs)


@given(st.integers(0, 10_000), st.binary(max_size=300))
def test_a_page_is_a_page(size: int, cookie: bytes) -> None:
    assert page_control(size, cookie) == encoder.encode(paged_search_control(False, size, cookie))


ATTRIBUTES = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9;-]{0,20}", fullmatch=True), st.lists(st.binary(max_size=200), max_size=5), max_size=6
)


@given(NUMBERS, st.integers(0, 127), TEXT)
def test_an_answer_is_read_as_it_is(number: int, code: int, text: str) -> None:
    told = element(0x61, bytes((0x0A, 1, code)), octets(b""), octets(text.encode()), octets(b"more"))
    assert read_message(message(number, told)) == (number, Answer(code, text, {}))
    held = [control("1.2.3", b"x"), control("4.5.6"), element(0x30, octets(b"7.8"), b"\x01\x01\xff", octets(b"y"))]
    assert read_message(message(number, told, held)) == (
        number,
        Answer(code, text, {"1.2.3": b"x", "4.5.6": b"", "7.8": b"y"}),
    )


@given(st.binary(max_size=200))
def test_garbage_is_no_message(said: bytes) -> None:
    for read in (size_of, read_message):
        with suppress(ValueError):
            read(said)


@given(NUMBERS, TEXT, ATTRIBUTES, st.data())
def test_a_message_that_was_damaged_is_read_or_refused(
    number: int, dn: str, attributes: dict[str, list[bytes]], data: st.DataObject
) -> None:
    listed = [element(0x30, octets(n.encode()), element(0x31, *map(octets, v))) for n, v in attributes.items()]
    said = bytearray(message(number, element(0x64, octets(dn.encode()), element(0x30, *listed))))
    assert read_message(bytes(said)) == (number, Entry(dn, attributes))
    said[data.draw(st.integers(0, len(said) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        read_message(bytes(said))


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000])
def test_the_beginning_of_a_message_tells_its_length(length: int) -> None:
    said = element(0x30, bytes(length))
    known = [size_of(said[:cut]) for cut in range(min(len(said), 8) + 1)]
    assert {size for size in known if size is not None} == {len(said)}
    assert size_of(said + b"more") == len(said)


@pytest.mark.parametrize("said", [b"\x30\x80\x00\x00", b"\x30\x85\x01\x00\x00\x00\x00", b"\x30\xff" + bytes(127)])
def test_lengths_that_ldap_does_not_know_are_refused(said: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text
        size_of(said)
