"""Search filters: an inserted value cannot change the filter (RFC 4515), and the encoding is that of ldap3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.conv import escape_filter_chars
from pyasn1.codec.ber import encoder

from providers.ldap.client.filters import Filter, all_of, equality, placeholders, with_wildcards

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
    """Return a filter without placeholders, encoded by ldap3."""
    node = parse_filter(text, None, False, False, None, False).elements[0]  # type: ignore[no-untyped-call]
    octets: bytes = encoder.encode(compile_filter(node))  # type: ignore[no-untyped-call]
    return octets


@pytest.mark.parametrize("template", TEMPLATES)
@given(value=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300).filter(lambda text: text == text.strip()))
def test_inserted_value_equals_an_escaped_value(template: str, value: str) -> None:
    escaped = "".join(f"\\{octet:02x}" for octet in value.encode())
    assert Filter(template).encode(login=value) == encoded(template.replace("{login}", escaped))


@pytest.mark.parametrize(
    "value", ["*", "()", "*)(uid=*", "a)(|(b=*", "\\", "\\29", "{login}", "{dn}", "zoé", "x" * 256, "\x00\x04", " x "]
)
def test_special_characters_in_a_value_are_literal(value: str) -> None:
    assert Filter("(uid={login})").encode(login=value) == equality("uid", value.encode())


def test_every_placeholder_is_replaced() -> None:
    template = Filter("(|(a={dn})(b=x{username}y{dn}))")
    assert template.encode(dn="{username}", username="") == encoded("(|(a={username})(b=xy{username}))")


def test_escaped_braces_are_not_a_placeholder() -> None:
    assert Filter(r"(a=\7bdn\7d)").encode() == encoded(r"(a=\7bdn\7d)")


def test_placeholders_can_be_listed_and_replaced_by_wildcards() -> None:
    assert with_wildcards("(|(uid={login})(mail={login}@x)(c=d))") == "(|(uid=*)(mail=*@x)(c=d))"
    assert placeholders("(|(a={dn})(b={uid}))") == {"dn", "uid"}


def test_encoded_filters_can_be_combined() -> None:
    assert all_of(equality("uid", b"*"), Filter("(cn=*)").encode()) == encoded(r"(&(uid=\2a)(cn=*))")


def test_extensible_match_with_dn_attributes_is_encoded() -> None:
    # Not compared with ldap3, which encodes TRUE as 01; RFC 4511 §5.1 requires FF.
    assert Filter("(ou:dn:={login})").encode(login="x") == b"\xa9\x0a\x82\x02ou\x83\x01x\x84\x01\xff"


def test_long_filter_is_encoded_with_a_long_length() -> None:
    text = f"(&{'(uid=x)' * 20_000})"
    assert Filter(text).encode() == encoded(text)


@pytest.mark.parametrize(
    "text", ["", "uid=x", "(uid=x", "(uid=x))", "((uid=x))", "(uid=x)(mail=x)", "()", "(uid)", "(&(a=b)", "secret"]
)
def test_invalid_filter_is_rejected_without_its_text_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter") as raised:
        Filter(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["({login}=x)", "(u id=x)", "(=x)", "(a(b=x)", "(cn=**)", "(!(a=b)(c=d))"])
def test_filter_that_ldap3_accepts_but_cannot_encode_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter"):
        Filter(text)


def test_inserted_value_equals_a_value_escaped_by_ldap3() -> None:
    value = "*)(uid=*\\\x00"
    assert Filter("(uid={login})").encode(login=value) == encoded(f"(uid={escape_filter_chars(value)})")
