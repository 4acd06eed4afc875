"""Invalid and partial responses: none of them authenticates a user, makes an entry look unique, or hides groups."""

import json

import pytest

from providers.interface import AMBIGUOUS, Denied, ProviderUnavailable, User
from providers.ldap import SearchProvider
from providers.ldap.client.messages import element, octet_string
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, Responses, scripted_ldap
from tests.support.directories import ldap_provider

BIND, SEARCH_ENTRY, SEARCH_DONE, MODIFY, EXTENDED, REFERENCE = 0x61, 0x64, 0x65, 0x67, 0x78, 0x73
SIZE_LIMIT_EXCEEDED = b"\x0a\x01\x04"
SUCCESS = b"\x0a\x01\x00"


def result(tag: int, code: bytes = SUCCESS) -> bytes:
    """Return a response with an encoded result code."""
    return element(tag, code, octet_string(b""), octet_string(b""))


def entry(name: str, **attributes: list[str]) -> bytes:
    """Return an entry with a username, and other attributes."""
    lists = [
        element(0x30, octet_string(attribute.encode()), element(0x31, *(octet_string(one.encode()) for one in values)))
        for attribute, values in {"uid": [name], **attributes}.items()
    ]
    return element(SEARCH_ENTRY, octet_string(f"uid={name},dc=x".encode()), element(0x30, *lists))


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
    answer = authenticate({SEARCH_REQUEST: FOUND, BIND_REQUEST: [result(BIND)]})
    assert isinstance(answer, dict)
    assert {name: answer[name] for name in user} == user


@pytest.mark.parametrize(
    "bind",
    [
        [result(SEARCH_DONE)],
        [result(MODIFY)],
        [result(EXTENDED)],
        [entry("zoe"), result(BIND)],
        [element(REFERENCE, octet_string(b"ldap://x")), result(BIND)],
        [result(BIND, b"\x0a\x00")],
        [result(BIND, b"\x02\x01\x00")],
        [result(BIND, b"\x04\x01\x00")],
        [result(BIND, b"\x0a\x00") + b"\xa0\x00"],
        [element(BIND)],
        [element(BIND, SUCCESS)],
    ],
    ids=str,
)
def test_response_that_is_not_the_success_of_a_bind_does_not_authenticate(bind: list[bytes]) -> None:
    with pytest.raises(ProviderUnavailable):
        authenticate({SEARCH_REQUEST: FOUND, BIND_REQUEST: bind})


@pytest.mark.parametrize("search", [[entry("zoe"), result(BIND)], [entry("zoe"), result(SEARCH_DONE, b"\x0a\x00")]])
def test_response_that_is_not_the_end_of_a_search_is_an_outage(search: list[bytes]) -> None:
    with pytest.raises(ProviderUnavailable):
        authenticate({SEARCH_REQUEST: search, BIND_REQUEST: [result(BIND)]})


def test_server_that_ignores_the_size_limit_does_not_fill_the_memory() -> None:
    many = [entry(f"user{number}") for number in range(2000)]
    with scripted_ldap({SEARCH_REQUEST: [*many, result(SEARCH_DONE)]}) as port:
        explanation = provider_at(port).explain("zoe")
    assert explanation.reason == AMBIGUOUS
    assert (explanation.record or "").count("uid=user") < 100


def test_entry_is_not_unique_if_the_server_has_a_lower_size_limit() -> None:
    search = [entry("zoe"), result(SEARCH_DONE, SIZE_LIMIT_EXCEEDED)]
    with pytest.raises(ProviderUnavailable):
        authenticate({SEARCH_REQUEST: search, BIND_REQUEST: [result(BIND)]})


def test_two_entries_are_ambiguous_even_if_their_dns_are_two_spellings_of_one_dn() -> None:
    # 389 Directory Server distinguishes them: it does not normalize Unicode.
    search = [entry("zo\u00e9"), entry("zoe\u0301"), result(SEARCH_DONE)]
    answer = authenticate({SEARCH_REQUEST: search, BIND_REQUEST: [result(BIND)]})
    assert isinstance(answer, Denied)
    assert answer.reason == AMBIGUOUS


RULES = json.dumps({f"cn={name},dc=x": [name] for name in ("a", "b", "c", "d", "e")})


def ranged(part: str, *groups: str) -> list[bytes]:
    """Return the response to a search, with a part of the groups of a user."""
    member_of = {f"memberOf;range={part}": [f"cn={group},dc=x" for group in groups], "memberOf": []}
    return [entry("zoe", **member_of), result(SEARCH_DONE)]


def test_groups_that_active_directory_sends_in_parts_are_all_read() -> None:
    parts = {b"range=2-*": ranged("2-3", "c", "d"), b"range=4-*": ranged("4-*", "e")}
    responses = {**parts, SEARCH_REQUEST: ranged("0-1", "a", "b"), BIND_REQUEST: [result(BIND)]}
    with scripted_ldap(responses) as port:
        user = provider_at(port, LDAP_ROLE_MAP=RULES).authenticate("zoe", "a password")
    assert user
    assert user["roles"] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("part", "rest"),
    [("0-1", [result(SEARCH_DONE)]), ("0-x", []), ("0-", []), ("0-1", [result(SEARCH_DONE, b"\x0a\x01\x01")])],
)
def test_part_of_the_groups_of_a_user_gives_no_roles(part: str, rest: list[bytes]) -> None:
    responses = {b"range=2-*": rest, SEARCH_REQUEST: ranged(part, "a", "b"), BIND_REQUEST: [result(BIND)]}
    with scripted_ldap(responses) as port, pytest.raises(ProviderUnavailable):
        provider_at(port, LDAP_ROLE_MAP=RULES).authenticate("zoe", "a password")
