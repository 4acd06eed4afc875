"""Search filters: what is filled in is never read as filter (RFC 4515)."""

import pytest

from providers.ldap.filters import check_filter, fill, fill_any


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("Parens R Us (for all your parenthetical needs)", r"Parens R Us \28for all your parenthetical needs\29"),
        ("*", r"\2a"),
        (r"C:\MyFile", r"C:\5cMyFile"),
        ("\x00\x00\x00\x04", "\\00\\00\\00\x04"),
        ("Lučić", "Lučić"),
        ("*)(uid=*", r"\2a\29\28uid=\2a"),
        (r"\2a", r"\5c2a"),
        ("a&b|c!d=e~f<g>h", "a&b|c!d=e~f<g>h"),
        ("", ""),
    ],
)
def test_a_value_is_escaped_once(value: str, escaped: str) -> None:
    assert fill("(o={login})", login=value) == f"(o={escaped})"


@pytest.mark.parametrize("value", ["*", "()", "*)(uid=*", "a)(|(b=*", "\\", "\\29", "{login}", "zoé", "x" * 256])
def test_a_filled_filter_is_a_filter(value: str) -> None:
    check_filter(fill("(&(objectClass=person)(|(uid={login})(mail={login})))", login=value))


def test_every_place_is_filled() -> None:
    assert fill("(|(a={login})(b={login}))", login="x") == "(|(a=x)(b=x))"
    assert fill("(|(a={dn})(b={username}))", dn="cn=x", username="y") == "(|(a=cn=x)(b=y))"


@pytest.mark.parametrize(("dn", "username"), [("{username}", "y"), ("cn={username}", "{dn}"), ("{dn}", "{dn}")])
def test_a_value_is_never_a_place(dn: str, username: str) -> None:
    assert fill("(|(a={dn})(b={username}))", dn=dn, username=username) == f"(|(a={dn})(b={username}))"


def test_a_place_without_a_value_stays() -> None:
    assert fill("(|(a={login})(b={other}))", login="x") == "(|(a=x)(b={other}))"


def test_any_value_at_all_can_be_asked_for() -> None:
    assert fill_any("(|(uid={login})(b={other}))", "login") == "(|(uid=*)(b={other}))"


@pytest.mark.parametrize(
    "text", ["(uid=x)", "(|(uid=x)(mail=x))", "(&(a=b)(!(c=d)))", "(uid=*)", "(cn=a*b*c)", "(uid>=1)", "(cn~=x)"]
)
def test_a_filter_is_taken(text: str) -> None:
    check_filter(text)


@pytest.mark.parametrize(
    "text", ["", "uid=x", "(uid=x", "(uid=x))", "((uid=x))", "(uid=x)(mail=x)", "()", "(uid)", "(&(a=b)", "secret"]
)
def test_what_is_no_filter_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="not an LDAP filter") as caught:
        check_filter(text)
    assert "secret" not in str(caught.value)
