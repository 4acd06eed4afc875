"""Search filters: an inserted value cannot change the filter (RFC 4515), and reaches the server unchanged."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import search_operation
from ldap3.utils.conv import escape_filter_chars
from pyasn1.type.univ import Choice, Integer, Sequence, SequenceOf, SetOf

from providers.ldap.client.filters import Filter, all_of, any_of, attributes, equality, includes, placeholders

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


def requested(text: str) -> Any:
    """Return the filter of the search that ldap3 sends for this text."""
    search: Any = search_operation("", text, "SUBTREE", "NEVER", ["1.1"], 0, 0, False, False, False)
    return _tree(search["filter"])


def _tree(node: Any) -> Any:
    """Return an ASN.1 value as tuples and bytes."""
    if isinstance(node, Choice):
        return node.getName(), _tree(node.getComponent())
    if isinstance(node, SequenceOf | SetOf):
        return tuple(map(_tree, node))
    if isinstance(node, Sequence):
        return tuple((name, _tree(value)) for name, value in node.items() if value.isValue)
    return int(node) if isinstance(node, Integer) else bytes(node)


def replace(tree: Any, old: bytes, new: bytes) -> Any:
    """Return the tree with another text in all its bytes."""
    if isinstance(tree, tuple):
        return tuple(replace(node, old, new) for node in tree)
    return tree.replace(old, new) if isinstance(tree, bytes) else tree


@pytest.mark.parametrize("template", TEMPLATES)
@given(value=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_inserted_value_changes_only_the_value(template: str, value: str) -> None:
    expected = replace(requested(template.replace("{login}", "MARKER")), b"MARKER", value.encode())
    assert requested(Filter(template).fill(login=value)) == expected


@given(st.one_of(st.text(min_size=1), st.binary(min_size=1)))
def test_value_is_sent_octet_for_octet(value: str | bytes) -> None:
    octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    expected = ("equalityMatch", (("attributeDesc", b"uid"), ("assertionValue", octets)))
    assert requested(equality("uid", value)) == requested(Filter("(uid={login})").fill(login=value)) == expected


@pytest.mark.parametrize(
    "value", ["*", "()", "*)(uid=*", "a)(|(b=*", "\\", "\\29", "{login}", "{dn}", "zoé", "x" * 256, "\x00\x04", " x "]
)
def test_special_characters_in_a_value_are_literal(value: str) -> None:
    assert Filter("(uid={login})").fill(login=value) == equality("uid", value.encode())


def test_every_placeholder_is_replaced() -> None:
    template = Filter("(|(a={dn})(b=x{username}y{dn}))")
    expected = requested(r"(|(a=\7busername\7d)(b=xzoey\7busername\7d))")
    assert requested(template.fill(dn="{username}", username="zoe")) == expected


@pytest.mark.parametrize("template", ["(cn={login}*)", "(cn=*{login})", "(cn={login})"])
def test_empty_value_matches_no_user(template: str) -> None:
    # `(cn=*)` would match all users.
    assert requested(Filter(template).fill(login="")) == requested(template.replace("{login}", r"\00"))


def test_escaped_braces_are_not_a_placeholder() -> None:
    assert requested(Filter(r"(a=\7bdn\7d)").fill()) == requested("(a={dn})")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(uid=*)", True),
        ("(|(uid=*)(mail=*))", True),
        ("(|(mail=*)(uid=*)(cn:dn:1.2:=x))", True),
        ("(uid=x)", False),
        ("(|(uid=*x)(mail=*))", False),
        ("(|(2uid=*)(mail=*))", False),
        ("(&(uid=*)(mail=*))", False),
        ("(|(mail=*)(!(uid=*)))", False),
        ("(|(mail=*)(&(uid=*)))", False),
        ("(|(mail=*)(|(uid=*)))", False),
        ("(|(mail=*)(uid=*)(&(cn=x)))", False),
        ("(!(|(uid=*)(mail=*)))", False),
        ("(&(|(uid=*)(mail=*))(cn=x))", False),
    ],
)
def test_filter_that_includes_a_comparison_matches_its_entries(text: str, expected: bool) -> None:
    assert includes(text, "(uid=*)") is expected


def test_placeholders_and_attributes_can_be_listed() -> None:
    text = r"(|(a={dn})( &(b;lang-en~={uid})(1.2.3:dn:=x\28)(:2.5.13.5:=y))(!(d>=1))(e=*))"
    Filter(text)
    assert placeholders(text) == {"dn", "uid"}
    assert attributes(text) == {"a", "b;lang-en", "1.2.3", "d", "e"}


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        ("(a={x})", [b"1", b"2", b"1"], r"(|(a=\31)(a=\32))"),
        ("(!(a={x}))", [b"1", b"2"], r"(!(|(a=\31)(a=\32)))"),
        ("(&(a={x})(b=y))", [b"1", b"2"], r"(&(|(a=\31)(a=\32))(b=y))"),
        ("(a={x}-{x})", [b"1", b"2"], r"(|(a=\31-\31)(a=\31-\32)(a=\32-\31)(a=\32-\32))"),
        ("(a={x})", [b"*"], r"(a=\2a)"),
        ("(|(a={x})(b=y))", [], r"(|(a=\00)(b=y))"),
    ],
)
def test_comparison_matches_any_of_several_values(template: str, values: list[bytes], expected: str) -> None:
    assert Filter(template).fill(x=values) == expected


def test_filters_can_be_combined() -> None:
    assert any_of("(a=b)") == "(a=b)"
    assert requested(any_of("(a=b)", "(c=d)")) == requested("(|(a=b)(c=d))")
    assert requested(all_of(equality("uid", b"*"), Filter("(cn=*)").fill())) == requested(r"(&(uid=\2a)(cn=*))")


def test_extensible_match_with_dn_attributes_is_sent() -> None:
    assertion = (("type", b"ou"), ("matchValue", b"x"), ("dnAttributes", 1))
    assert requested(Filter("(ou:dn:={login})").fill(login="x")) == ("extensibleMatch", assertion)


@pytest.mark.parametrize(
    "text", ["", "uid=x", "(uid=x", "(uid=x))", "((uid=x))", "(uid=x)(mail=x)", "()", "(uid)", "(&(a=b)", "secret"]
)
def test_invalid_filter_is_rejected_without_its_text_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter") as raised:
        Filter(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("depth", [102, 900, 20_000])
def test_deeply_nested_filter_is_rejected(depth: int) -> None:
    assert Filter(f"{'(!' * 100}(a={{login}}){')' * 100}")
    with pytest.raises(ValueError, match="not an LDAP filter"):
        Filter(f"{'(!' * depth}(a={{login}}){')' * depth}")


@pytest.mark.parametrize("text", ["({login}=x)", "(u id=x)", "(=x)", "(a(b=x)", "(cn=**)", "(!(a=b)(c=d))"])
def test_filter_that_ldap3_accepts_but_cannot_encode_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter"):
        Filter(text)


def test_inserted_value_equals_a_value_escaped_by_ldap3() -> None:
    value = "*)(uid=*\\\x00"
    assert requested(equality("uid", value)) == requested(f"(uid={escape_filter_chars(value)})")
