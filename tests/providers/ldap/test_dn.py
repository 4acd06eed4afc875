"""Distinguished names are compared as a directory compares them (RFC 4514, RFC 4518)."""

from contextlib import suppress
from string import ascii_lowercase, ascii_uppercase
from time import thread_time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ldap.client.dn import canonical_spelling, dn_key, escape_dn_value, parse_dn, similar_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Steve Kille,O=Isode Limited,C=GB", "cn=steve kille,o=isode limited,c=gb"),
        ("UID=jsmith,DC=example,DC=net", " uid = jsmith , dc = example , dc = net "),
        ("UID=jsmith,DC=example,DC=net", "uid=jsmith;dc=example;dc=net"),
        ("OU=Sales+CN=J. Smith,DC=example,DC=net", "cn=J. Smith + ou=Sales,dc=example,dc=net"),
        (r"CN=James \"Jim\" Smith\, III,DC=example,DC=net", r"CN=James \22Jim\22 Smith\2c III,DC=example,DC=net"),
        (r"CN=Before\0dAfter,DC=example,DC=net", r"cn=before\0Dafter,dc=example,dc=net"),
        (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
        (r"cn=zo\c3\a9", "CN=ZOé"),
        (r"cn=\e6\97\a5\e6\9c\ac \e5\a4\aa\e9\83\8e", "cn=日本 太郎"),
        (r"cn=\#hash", r"cn=\23hash"),
        (r"cn=\ leading", r"cn=\20leading"),
        (r"cn=trailing\ ", r"cn=trailing\20"),
        (r"cn=a\+b\=c\;d\<e\>f\\g", r"cn=a\2bb\3dc\3bd\3ce\3ef\5cg"),
        ("cn=a\\\\,dc=b", r"cn=a\5c,dc=b"),
        ("cn=a=b", r"cn=a\=b"),
        ("2.5.4.3=admins", "2.5.4.3 = ADMINS"),
        ("cn=,dc=b", "cn= , dc=b"),
        ("cn=a\n,\tdc=b", "cn=a,dc=b"),
        (r"cn=a\\ , dc=b", r"cn=a\5c,dc=b"),
        (r"cn=a\  , dc=b", r"cn=a\20,dc=b"),
        ("commonName=a,organizationalUnitName=b,domainComponent=c", "CN=a,OU=b,DC=c"),
        ("2.5.4.3=a,OID.2.5.4.11=b,oid.0.9.2342.19200300.100.1.25=c", "cn=a,ou=b,dc=c"),
        ("userid=a,o=b,c=de", "0.9.2342.19200300.100.1.1=a,organizationName=b,2.5.4.6=DE"),
        ("streetAddress=a,S=b,localityName=c,surname=d", "street=a,ST=b,L=c,2.5.4.4=d"),
        ('cn="Hi",dc=b', "cn=Hi,dc=b"),
        ('cn="a, b + c" , dc=b', r"cn=a\, b \+ c,dc=b"),
        (r'cn="a \"quoted\" \c3\a9",dc=b', r"cn=a \22quoted\22 é,dc=b"),
        ("cn=#04024869", "cn=Hi"),
        ("1.3.6.1.4.1.1466.0=#0c026869", "1.3.6.1.4.1.1466.0=hi"),
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
        (r"cn=\#04024869", "cn=Hi"),
        ("cn=ｆi", "cn=fi"),
        ("cn=zoe\u0301", "cn=zo\u00e9"),
        ("cn=zoé", "cn=zoÉ"),
        ("cn=straße", "cn=strasse"),
        ("cn=J.  Smith", "cn=J. Smith"),
        (r"cn=a\ ", "cn=a"),
        ("cn=a\u00adb", "cn=ab"),
        ('cn="a"b', "cn=ab"),
    ],
)
def test_different_dns_are_not_equal(one: str, other: str) -> None:
    assert parse_dn(one) != parse_dn(other)


# Each pair is one name for OpenLDAP, Samba, 389 Directory Server, or as defined by RFC 4518 or [MS-ADTS] §6.5.1.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=ｆi\u00adx", "cn=fix"),
        ("cn=ＦI\u200bx", "cn=fix"),
        ("CN=fi\ufe0fX", "cn=fix"),
        ("cn=F\u2060IX", "cn=fix"),
        ("cn=zoe\u0301", "cn=ZO\u00c9"),
        ("cn=Zoe", "cn=zo\u00e9"),
        ("cn=straße", "CN=STRASSE"),
        ("cn=STRA\u1e9eE", "cn=straße"),
        ("cn=\u0130x", "cn=ix"),
        ("cn=\u0131x", "cn=\u0130x"),
        ("cn=σας", "cn=ΣΑΣ"),
        ("cn=e\ufb03cient", "cn=efficient"),
        ("cn=x²", "cn=x2"),
        ("cn=\u212bx", "cn=åx"),
        ("cn=q\u0587", "cn=q\u0565\u0582"),
        ("cn=カ", "cn=か"),
        ("cn=\uff76\uff9e", "cn=ガ"),
        ("cn=J.  Smith", "cn=J. Smith"),
        ("cn=J.\u3000Smith", "cn=J. Smith"),
        ("cn=J.\tSmith", "cn=J. Smith"),
        ("cn=J.\u00ad \u00ad Smith", "cn=J. Smith"),
        (r"cn=\ Smith\ ", "cn=Smith"),
        ("cn=nul\u0007l", "cn=null"),
    ],
    ids=ascii,
)
def test_dns_that_only_some_servers_distinguish_have_similar_keys(one: str, other: str) -> None:
    assert parse_dn(one) != parse_dn(other)
    assert similar_key(dn_key(one)) == similar_key(dn_key(other))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_keys_ignore_case_and_composition_only_where_they_may(value: str) -> None:
    dn = f"cn={escape_dn_value(value)}"
    assert dn_key(dn) == dn_key(dn.translate(str.maketrans(ascii_lowercase, ascii_uppercase)))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert similar_key(dn_key(normalize(form, dn))) == similar_key(dn_key(dn))


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.sampled_from(["cn", "2.5.4.3", "OID.2.5.4.3"]))
def test_canonical_spelling_names_the_same_entry(value: str, attribute: str) -> None:
    canonical = canonical_spelling(f"{attribute}={escape_dn_value(value)} , DC = B")
    assert canonical == f"cn={escape_dn_value(value)},dc=B"
    assert canonical_spelling(canonical) == canonical


@pytest.mark.parametrize(
    ("dn", "canonical"),
    [
        ('OID.2.5.4.3="Hi"; DC=B', "cn=Hi,dc=B"),
        ("cn=#04024869,dc=b", "cn=Hi,dc=b"),
        (r'cn="a, b"+OU=\c3\a9\ ,dc=b', r"cn=a\2c b+ou=é\20,dc=b"),
    ],
)
def test_canonical_spelling_is_that_of_rfc_4514(dn: str, canonical: str) -> None:
    assert canonical_spelling(dn) == canonical


def test_different_dns_have_no_similar_keys() -> None:
    keys = [
        similar_key(dn_key(dn)) for dn in ("cn=a b", "cn=ab", "ou=ab", "cn=ab,dc=c", "cn=cb", "not a DN", "another")
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
            began = thread_time()
            with suppress(ValueError):
                parse_dn(text)
            times.append(thread_time() - began)
        return min(times)

    # Quadratic time would grow 256 times.
    assert seconds(16_000) < 100 * max(seconds(1_000), 1e-4)


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
        "cn=#03020780",
        "cn=#0402486900",
        "cn=#secret",
        "(cn=secret)",
        # If each escape matched in two ways, this would take 2^100 steps.
        "cn=" + r"\41" * 100 + "\\",
    ],
)
def test_invalid_dn_is_rejected_without_its_text_in_the_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+") as raised:
        parse_dn(text)
    assert "secret" not in str(raised.value)
