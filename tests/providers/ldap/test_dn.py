"""Distinguished names are compared as a directory compares them (RFC 4514, RFC 4518)."""

from contextlib import suppress
from time import perf_counter

import pytest

from providers.ldap.client.dn import dn_key, parse_dn, similar_key


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
        ("cn=zoe\u0301", "cn=ZO\u00c9"),
        ("commonName=a,organizationalUnitName=b,domainComponent=c", "CN=a,OU=b,DC=c"),
        ("2.5.4.3=a,OID.2.5.4.11=b,oid.0.9.2342.19200300.100.1.25=c", "cn=a,ou=b,dc=c"),
        ("userid=a,o=b,c=de", "0.9.2342.19200300.100.1.1=a,organizationName=b,2.5.4.6=DE"),
        ("streetAddress=a,S=b,localityName=c,surname=d", "street=a,ST=b,L=c,2.5.4.4=d"),
        ('cn="Hi",dc=b', "cn=Hi,dc=b"),
        ('cn="a, b + c" , dc=b', r"cn=a\, b \+ c,dc=b"),
        (r'cn="a \"quoted\" \c3\a9",dc=b', r"cn=a \22quoted\22 é,dc=b"),
        ("cn=#04024869", "cn=Hi"),
        ("1.3.6.1.4.1.1466.0=#0c026869", "1.3.6.1.4.1.1466.0=hi"),
        ("cn=#03020780", "cn=#03020780"),
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
        ("cn=#04024869", "cn=#04024870"),
        ("cn=#0402486900", "cn=Hi"),
        (r"cn=\#04024869", "cn=Hi"),
        ("cn=ｆi", "cn=fi"),
        ("cn=a\u00adb", "cn=ab"),
        ('cn="a"b', "cn=ab"),
    ],
)
def test_different_dns_are_not_equal(one: str, other: str) -> None:
    assert parse_dn(one) != parse_dn(other)


@pytest.mark.parametrize("one", ["cn=ｆi\u00adx", "cn=ＦI\u200bx", "CN=fi\ufe0fX", "cn=F\u2060IX"])
def test_dns_that_only_some_servers_distinguish_have_similar_keys(one: str) -> None:
    assert parse_dn(one) != parse_dn("cn=fix")
    assert similar_key(dn_key(one)) == similar_key(dn_key("cn=fix"))


def test_different_dns_have_no_similar_keys() -> None:
    keys = [
        similar_key(dn_key(dn)) for dn in ("cn=a b", "cn=ab", "ou=ab", "cn=ab,dc=c", "cn=äb", "not a DN", "another")
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("start", "repeated", "end"),
    [
        ("cn=a", " ", "b"),
        ("cn=", "\\ ", "b"),
        ('cn="', "a", ""),
        ("", " ", "x"),
        ("", 'cn="a,', "cn=b"),
        ("cn=", "\\41", "\\"),
    ],
)
def test_time_to_parse_a_dn_is_linear_in_its_length(start: str, repeated: str, end: str) -> None:
    def seconds(count: int) -> float:
        text = start + repeated * count + end
        times = []
        for _ in range(5):
            began = perf_counter()
            with suppress(ValueError):
                parse_dn(text)
            times.append(perf_counter() - began)
        return min(times)

    # Quadratic time would grow 256 times.
    assert seconds(16_000) < 100 * max(seconds(1_000), 1e-5)


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
