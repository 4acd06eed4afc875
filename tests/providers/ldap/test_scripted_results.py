"""Results that servers may send: controls, pages, referrals and DNs are read, and a damaged one is a ServerError."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ldap3.core.results import RESULT_INVALID_CREDENTIALS, RESULT_REFERRAL, RESULT_SUCCESS

from providers.ldap.client.errors import SearchFailed, ServerError
from providers.ldap.client.protocol import PAGED_RESULTS, PASSWORD_POLICY
from providers.ldap.client.responses import Entry, Response
from tests.servers.ldap_messages import (
    BIND_RESPONSE,
    SEARCH_DONE,
    SEARCH_REFERENCE,
    control,
    element,
    integer,
    message,
    octet_string,
    result,
)
from tests.support.ldap_connections import ZOE, bind, search

POLICY = control(PASSWORD_POLICY, bytes.fromhex("3003810101"))


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ([POLICY], {PASSWORD_POLICY: bytes.fromhex("3003810101")}),
        ([control("1.2.3", b"x"), control("1.2.4"), POLICY], {"1.2.3": b"x", PASSWORD_POLICY: b"\x30\x03\x81\x01\x01"}),
        ([control("1.2.3", b"x", critical=True), control("1.2.4", critical=True)], {"1.2.3": b"x"}),
    ],
    ids=["known", "unknown", "critical"],
)
def test_unknown_control_is_ignored_even_if_it_is_critical(controls: list[bytes], expected: dict[str, bytes]) -> None:
    # Criticality has no meaning in a response (RFC 4511 §4.1.11).
    response = bind(lambda message_id: [message(message_id, result(BIND_RESPONSE), controls)])
    assert (response.code, response.controls) == (RESULT_SUCCESS, expected)


def page(value: bytes | None) -> Response:
    """Return the response to a search, with this value of the control for pages."""
    paged = control(PAGED_RESULTS, value)
    return search(lambda message_id: [message(message_id, ZOE), message(message_id, result(SEARCH_DONE), [paged])])


def test_cookie_of_the_next_page_is_read() -> None:
    assert page(element(0x30, integer(0), octet_string(b"next"))).cookie == b"next"
    assert page(element(0x30, integer(0), octet_string())).cookie == b""


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\x30", b"\x30\x00", integer(1), element(0x30, integer(0)), element(0x30, integer(0), integer(4))],
    ids=["no value", "empty", "cut", "empty sequence", "number", "without a cookie", "number as cookie"],
)
def test_malformed_control_for_pages_is_a_fault_of_the_server(value: bytes | None) -> None:
    with pytest.raises(ServerError):
        page(value)


REFERRAL = element(0xA3, octet_string(b"ldap://elsewhere.example.org/dc=x"))


def test_referral_is_not_followed() -> None:
    referral = result(SEARCH_DONE, RESULT_REFERRAL, REFERRAL)
    with pytest.raises(SearchFailed, match="referral"):
        search(lambda message_id: [message(message_id, referral)])


def test_reference_to_another_server_is_not_followed() -> None:
    reference = element(SEARCH_REFERENCE, octet_string(b"ldap://elsewhere.example.org/dc=y"))
    operations = [reference, ZOE, result(SEARCH_DONE)]
    response = search(lambda message_id: [message(message_id, operation) for operation in operations])
    assert response.entries == [Entry("uid=zoe,dc=x", {"uid": [b"zoe"]})]


def test_reference_without_a_url_is_ignored() -> None:
    operations = [element(SEARCH_REFERENCE), ZOE, result(SEARCH_DONE)]
    response = search(lambda message_id: [message(message_id, operation) for operation in operations])
    assert len(response.entries) == 1


@pytest.mark.parametrize(
    "operation",
    [result(BIND_RESPONSE, RESULT_REFERRAL, REFERRAL), result(BIND_RESPONSE, 200), result(BIND_RESPONSE, 49)[:-2]],
    ids=["referral", "unknown result code", "cut"],
)
def test_response_that_ldap3_cannot_decode_is_a_fault_of_the_server(operation: bytes) -> None:
    with pytest.raises(ServerError):
        bind(lambda message_id: [message(message_id, operation)])


@pytest.mark.parametrize("matched_dn", ["dc=x", "no DN", "zo\u00e9=\x00", ",,,"])
def test_matched_dn_is_ignored(matched_dn: str) -> None:
    done = result(SEARCH_DONE, 32, matched_dn=matched_dn)
    with pytest.raises(SearchFailed, match="noSuchObject"):
        search(lambda message_id: [message(message_id, done)])
    response = bind(lambda message_id: [message(message_id, result(BIND_RESPONSE, 49, matched_dn=matched_dn))])
    assert response.code == RESULT_INVALID_CREDENTIALS


@pytest.mark.parametrize("dn", [b"", b"no DN", b"\xff\xfe", b"uid=\x00", b"cn=a,,b", b"x" * 100_000], ids=repr)
def test_odd_dn_of_an_entry_is_read(dn: bytes) -> None:
    odd = element(0x64, octet_string(dn), element(0x30))
    response = search(lambda message_id: [message(message_id, odd), message(message_id, result(SEARCH_DONE))])
    assert [found.dn for found in response.entries] == [dn.decode("utf-8", "surrogateescape")]


@settings(max_examples=700, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.integers(0, 10_000), octet=st.integers(0, 255), more=st.binary(max_size=4))
def test_damaged_response_is_accepted_or_a_fault_of_the_server(place: int, octet: int, more: bytes) -> None:
    paged = control(PAGED_RESULTS, element(0x30, integer(0), octet_string(b"next")))

    def damage(message_id: int) -> Iterator[bytes]:
        done = message(message_id, result(SEARCH_DONE), [paged, POLICY])
        data = bytearray(message(message_id, ZOE) + done)
        data[place % len(data)] = octet
        data[place % len(data) : place % len(data)] = more
        yield bytes(data)
        raise ConnectionAbortedError  # the rest of a message that became longer never arrives

    with suppress(ServerError, SearchFailed):
        assert isinstance(search(damage), Response)
