"""Distinguished names are compared as a directory compares them (RFC 4514, RFC 4518)."""

import pytest

from providers.ldap.client.dn import parse_dn


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Steve Kille,O=Isode Limited,C=GB", "cn=steve kille,o=isode limited,c=gb"),
        ("UID=jsmith,DC=example,DC=net", " uid = jsmith , dc = example , dc = net "),
        ("UID=jsmith,DC=example,DC=net", "uid=jsmith;dc=example;dc=net"),
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "cn=J. Smith + ou=Sales,dc=example,dc=net"),
        (r"CN=James \"Jim\" Smith\, III,DC=example,DC=net", r"CN=James \22Jim\22 Smith\2c III,DC=example,DC=net"),
        (r"CN=Before\0dAfter,DC=example,DC=net", r"cn=before\0Dafter,dc=example,dc=net"),
        (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
        (r"cn=zo\c3\a9", "CN=ZOÉ"),
        (r"cn=\e6\97\a5\e6\9c\ac \e5\a4\aa\e9\83\8e", "cn=日本 太郎"),
        ("cn=straße", "CN=STRASSE"),
        (r"cn=\#hash", r"cn=\23hash"),
        (r"cn=\ leading", r"cn=\20leading"),
        (r"cn=trailing\ ", r"cn=trailing\20"),
        (r"cn=a\+b\=c\;d\<e\>f\\g", r"cn=a\2bb\3dc\3bd\3ce\3ef\5cg"),
        ("cn=a\\\\,dc=b", r"cn=a\5c,dc=b"),
        ("cn=a=b", r"cn=a\=b"),
        ("2.5.4.3=admins", "2.5.4.3 = ADMINS"),
        ("cn=,dc=b", "cn= , dc=b"),
        ("cn=a\n,\tdc=b", "cn=a,dc=b"),
    ],
)
def test_spellings_of_one_dn_are_equal(one: str, other: str) -> None:
    assert parse_dn(one) == parse_dn(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=admins,dc=example", "cn=admin,dc=example"),
        ("cn=admins,dc=example", "ou=admins,dc=example"),
        ("cn=admins,dc=example", "dc=example,cn=admins"),
        ("cn=admins,dc=example", "cn=admins"),
        ("cn=admins,dc=example", "cn=admins,dc=example,dc=org"),
        (r"cn=admins\,dc=example", "cn=admins,dc=example"),
        (r"cn=admins\2cdc=example", "cn=admins,dc=example"),
        ("cn=a+ou=b,dc=c", "cn=a,ou=b,dc=c"),
        (r"cn=a\+ou=b", "cn=a+ou=b"),
        ("cn=a+ou=b", "cn=b+ou=a"),
        ("cn=ab", "cn=a b"),
        (r"cn=\5c2c", r"cn=\2c"),
        ("cn=e", "cn=é"),
    ],
)
def test_different_dns_are_not_equal(one: str, other: str) -> None:
    assert parse_dn(one) != parse_dn(other)


def test_parsed_dn_has_its_rdns_from_the_entry_up() -> None:
    assert parse_dn(r"OU=Sales+CN=J\2e Smith,DC=Example") == (
        frozenset({("ou", "sales"), ("cn", "j. smith")}),
        frozenset({("dc", "example")}),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "secret",
        "cn",
        "=secret",
        "cn=secret,",
        ",cn=secret",
        "cn=secret,,dc=b",
        "cn=secret+",
        "cn=a,dc",
        "cn=a\\",
        "c_n=a",
        "1cn=a",
        "2.5.=a",
        "-cn=a",
        r"cn=\ff\fe",
        r"cn=\c3",
        "(cn=secret)",
        # If each escape matched in two ways, this would take 2^100 steps.
        "cn=" + r"\41" * 100 + "\\",
    ],
)
def test_invalid_dn_is_rejected_without_its_text_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+") as raised:
        parse_dn(text)
    assert "secret" not in str(raised.value)
