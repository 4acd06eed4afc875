"""Invalid and partial responses: none of them authenticates a user, makes an entry look unique, or hides groups."""

import json
import socket

import pytest

from providers.interface import AMBIGUOUS, Denied, ProviderUnavailable, User
from providers.ldap import SearchProvider
from tests.servers.ldap_messages import (
    BIND_RESPONSE,
    EXTENDED_RESPONSE,
    MODIFY_RESPONSE,
    SEARCH_DONE,
    SEARCH_REFERENCE,
    element,
    octet_string,
    result,
)
from tests.servers.ldap_messages import entry as entry_with
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, Responses, scripted_ldap
from tests.support.directories import ldap_provider

SIZE_LIMIT_EXCEEDED = 4
REFERRAL = 10
SUCCESS = b"\x0a\x01\x00"
CONSTRUCTED_OCTET_STRING = 0x24


def entry(name: str, **attributes: list[str]) -> bytes:
    """Return an entry with a username, and other attributes."""
    return entry_with(f"uid={name},dc=x", {"uid": [name], **attributes})


FOUND = [entry("zoe"), result(SEARCH_DONE)]


def authenticate(responses: Responses) -> object:
    """Return the result of a login at a server with these responses."""
    with scripted_ldap(responses) as port:
        return provider_at(port).authenticate("zoe", "a password")


def provider_at(port: int, **changed: str) -> SearchProvider:
    """Return a provider that searches anonymously, without TLS."""
    url = f"ldap://127.0.0.1:{port}"
    return ldap_provider({"LDAP_URL": url, "LDAP_INSECURE_PLAINTEXT": "true", "LDAP_BASE_DN": "dc=x", **changed})


def test_expected_responses_authenticate_the_user() -> None:
    user = User(username="zoe", email=None, roles=[])
    answer = authenticate({SEARCH_REQUEST: FOUND, BIND_REQUEST: [result(BIND_RESPONSE)]})
    assert isinstance(answer, dict)
    assert {name: answer[name] for name in user} == user


@pytest.mark.parametrize(
    "bind",
    [
        [result(SEARCH_DONE)],
        [result(MODIFY_RESPONSE)],
        [result(EXTENDED_RESPONSE)],
        [entry("zoe"), result(BIND_RESPONSE)],
        [element(SEARCH_REFERENCE, octet_string(b"ldap://x")), result(BIND_RESPONSE)],
        [result(BIND_RESPONSE, b"\x0a\x00")],
        [result(BIND_RESPONSE, b"\x0a\x81\x00")],
        [result(BIND_RESPONSE, b"\x0a\x84\x00\x00\x00\x00")],
        [result(BIND_RESPONSE, b"\x02\x01\x00")],
        [result(BIND_RESPONSE, b"\x04\x01\x00")],
        [result(BIND_RESPONSE, b"\x0a\x00") + b"\xa0\x00"],
        [element(BIND_RESPONSE, SUCCESS, octet_string(), element(CONSTRUCTED_OCTET_STRING))],
        [element(BIND_RESPONSE, SUCCESS, octet_string(), element(CONSTRUCTED_OCTET_STRING, octet_string()))],
        [element(BIND_RESPONSE)],
        [element(BIND_RESPONSE, SUCCESS)],
    ],
    ids=str,
)
def test_response_that_is_not_the_success_of_a_bind_does_not_authenticate(bind: list[bytes]) -> None:
    with pytest.raises(ProviderUnavailable):
        authenticate({SEARCH_REQUEST: FOUND, BIND_REQUEST: bind})


@pytest.mark.parametrize("done", [result(BIND_RESPONSE), result(SEARCH_DONE, b"\x0a\x00")])
def test_response_that_is_not_the_end_of_a_search_is_an_outage(done: bytes) -> None:
    with pytest.raises(ProviderUnavailable):
        authenticate({SEARCH_REQUEST: [entry("zoe"), done], BIND_REQUEST: [result(BIND_RESPONSE)]})


def test_server_that_ignores_the_size_limit_does_not_fill_the_memory() -> None:
    many = [entry(f"user{number}") for number in range(2000)]
    with scripted_ldap({SEARCH_REQUEST: [*many, result(SEARCH_DONE)]}) as port:
        explanation = provider_at(port).explain("zoe")
    assert explanation.reason == AMBIGUOUS
    assert (explanation.record or "").count("uid=user") < 100


def test_entry_is_not_unique_if_the_server_has_a_lower_size_limit() -> None:
    search = [entry("zoe"), result(SEARCH_DONE, SIZE_LIMIT_EXCEEDED)]
    with pytest.raises(ProviderUnavailable):
        authenticate({SEARCH_REQUEST: search, BIND_REQUEST: [result(BIND_RESPONSE)]})


def test_two_entries_are_ambiguous_even_if_their_dns_are_two_spellings_of_one_dn() -> None:
    # 389 Directory Server distinguishes them: it does not normalize Unicode.
    search = [entry("zo\u00e9"), entry("zoe\u0301"), result(SEARCH_DONE)]
    answer = authenticate({SEARCH_REQUEST: search, BIND_REQUEST: [result(BIND_RESPONSE)]})
    assert isinstance(answer, Denied)
    assert answer.reason == AMBIGUOUS


RULES = json.dumps({f"cn={name},dc=x": [name] for name in ("a", "b", "c", "d", "e")})


def ranged(part: str, *groups: str) -> list[bytes]:
    """Return the response to a search, with a part of the groups of a user."""
    member_of = {f"memberOf;range={part}": [f"cn={group},dc=x" for group in groups], "memberOf": []}
    return [entry("zoe", **member_of), result(SEARCH_DONE)]


def test_groups_that_active_directory_sends_in_parts_are_all_read() -> None:
    parts = {b"range=2-*": ranged("2-3", "c", "d"), b"range=4-*": ranged("4-*", "e")}
    responses = {**parts, SEARCH_REQUEST: ranged("0-1", "a", "b"), BIND_REQUEST: [result(BIND_RESPONSE)]}
    with scripted_ldap(responses) as port:
        user = provider_at(port, LDAP_ROLE_MAP=RULES).authenticate("zoe", "a password")
    assert user
    assert user["roles"] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("part", "rest"),
    [("0-1", [result(SEARCH_DONE)]), ("0-x", []), ("0-", []), ("0-1", [result(SEARCH_DONE, b"\x0a\x01\x01")])],
)
def test_part_of_the_groups_of_a_user_gives_no_roles(part: str, rest: list[bytes]) -> None:
    responses = {b"range=2-*": rest, SEARCH_REQUEST: ranged(part, "a", "b"), BIND_REQUEST: [result(BIND_RESPONSE)]}
    with scripted_ldap(responses) as port, pytest.raises(ProviderUnavailable):
        provider_at(port, LDAP_ROLE_MAP=RULES).authenticate("zoe", "a password")


def test_referral_to_another_server_is_not_followed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        reference = octet_string(f"ldap://127.0.0.1:{other.getsockname()[1]}/dc=x".encode())
        search = [entry("zoe"), element(SEARCH_REFERENCE, reference), result(SEARCH_DONE)]
        assert authenticate({SEARCH_REQUEST: search, BIND_REQUEST: [result(BIND_RESPONSE)]})
        referral = [result(BIND_RESPONSE, REFERRAL, element(0xA3, reference))]
        with pytest.raises(ProviderUnavailable):
            authenticate({SEARCH_REQUEST: FOUND, BIND_REQUEST: referral})
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.accept()


TOO_LONG_REFERENCE = b"\x73\x0f\x04ldap://y/dc=x"
"""An operation that claims more octets than its message has."""


@pytest.mark.parametrize(
    "responses",
    [
        {SEARCH_REQUEST: [TOO_LONG_REFERENCE, *FOUND], BIND_REQUEST: [result(BIND_RESPONSE)]},
        {SEARCH_REQUEST: [b"\x64\x08\x04\x04dc=x\x30\x05", *FOUND], BIND_REQUEST: [result(BIND_RESPONSE)]},
        {SEARCH_REQUEST: FOUND, BIND_REQUEST: [b"\x61\x08\x0a\x01\x00\x04\x00\x04\x09\x00"]},
        {SEARCH_REQUEST: FOUND, BIND_REQUEST: [b"\x61\x07\x0a\x01\x00\x04\x00\x04"]},
    ],
)
def test_element_that_is_longer_than_its_message_is_a_fault(responses: Responses) -> None:
    with pytest.raises(ProviderUnavailable):
        authenticate(responses)
