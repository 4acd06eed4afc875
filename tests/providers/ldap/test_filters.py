"""Search filters: what is filled in is never read as filter (RFC 4515), and they go over the wire as they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.conv import escape_filter_chars
from pyasn1.codec.ber import encoder

from providers.ldap.client.filters import Filter, equality, every, places_in, with_wildcards

TEMPLATES = [
    "(o={login})",
    "(|(uid={login})(mail={login}))",
    "(&(objectClass=person)(!(cn=x))(|(a={login})(b=y)))",
    "(mail={login}@example.org)",
    "(cn=a*{login}*b*c)",
    "(cn={login}*)",
    "(cn=*{login})",
    "(uid>={login})",
    "(uid<={login})",
    "(cn~={login})",
    "(member:1.2.840.113556.1.4.1941:={login})",
    "(:1.2.3:={login})",
    "( & (uid=*) (cn={login}) )",
    r"(cn=\28\2a\c3\a9{login})",
]


def encoded(text: str) -> bytes:
    """Return a filter without places as ldap3 has it."""
    node = parse_filter(text, None, False, False, None, False).elements[0]  # type: ignore[no-untyped-call]
    octets: bytes = encoder.encode(compile_filter(node))  # type: ignore[no-untyped-call]
    return octets


@pytest.mark.parametrize("template", TEMPLATES)
@given(value=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300).filter(lambda text: text == text.strip()))
def test_a_value_is_filled_in_as_if_it_had_been_escaped(template: str, value: str) -> None:
    escaped = "".join(f"\\{octet:02x}" for octet in value.encode())
    assert Filter(template).encode(login=value) == encoded(template.replace("{login}", escaped))


@pytest.mark.parametrize(
    "value", ["*", "()", "*)(uid=*", "a)(|(b=*", "\\", "\\29", "{login}", "{dn}", "zoé", "x" * 256, "\x00\x04", " x "]
)
def test_a_value_is_a_value_whatever_it_holds(value: str) -> None:
    assert Filter("(uid={login})").encode(login=value) == equality("uid", value.encode())


def test_every_place_is_filled_in() -> None:
    template = Filter("(|(a={dn})(b=x{username}y{dn}))")
    assert template.encode(dn="{username}", username="") == encoded("(|(a={username})(b=xy{username}))")


def test_what_only_looks_like_a_place_is_none() -> None:
    assert Filter(r"(a=\7bdn\7d)").encode() == encoded(r"(a=\7bdn\7d)")


def test_any_value_at_all_can_be_asked_for() -> None:
    assert with_wildcards("(|(uid={login})(mail={login}@x)(c=d))") == "(|(uid=*)(mail=*@x)(c=d))"
    assert places_in("(|(a={dn})(b={uid}))") == {"dn", "uid"}


def test_filters_are_joined() -> None:
    assert every(equality("uid", b"*"), Filter("(cn=*)").encode()) == encoded(r"(&(uid=\2a)(cn=*))")


def test_attributes_of_the_dn_can_be_asked_for_too() -> None:
    # Not compared with ldap3, whose TRUE is 01 where RFC 4511 §5.1 wants FF.
    assert Filter("(ou:dn:={login})").encode(login="x") == b"\xa9\x0a\x82\x02ou\x83\x01x\x84\x01\xff"


def test_long_filters_have_long_lengths() -> None:
    text = f"(&{'(uid=x)' * 20_000})"
    assert Filter(text).encode() == encoded(text)


@pytest.mark.parametrize(
    "text", ["", "uid=x", "(uid=x", "(uid=x))", "((uid=x))", "(uid=x)(mail=x)", "()", "(uid)", "(&(a=b)", "secret"]
)
def test_what_is_no_filter_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter") as caught:
        Filter(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["({login}=x)", "(u id=x)", "(=x)", "(a(b=x)", "(cn=**)", "(!(a=b)(c=d))"])
def test_what_would_fail_later_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter"):
        Filter(text)


def test_it_agrees_with_the_escapes_of_ldap3() -> None:
    value = "*)(uid=*\\\x00"
    assert Filter("(uid={login})").encode(login=value) == encoded(f"(uid={escape_filter_chars(value)})")
