"""Groups: however a directory keeps them, and however many there are."""

import json

import pytest

from providers.ldap.client.answers import Entry
from providers.ldap.groups import primary_group
from tests.servers.slapd import SERVICE, SUFFIX, Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.users import SAMPLE_USERS, SampleUser

GROUPS = f"ou=groups,{SUFFIX}"
ANN = SampleUser("ann", "ann@example.org", "the password of ann", ())
OLD = f"cn=Ann, the old one,ou=people,{SUFFIX}".replace(", the", "\\, the")


def dn(group: str) -> str:
    """Return the DN of a group."""
    return f"cn={group},{GROUPS}"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with groups of every kind."""
    slapd.add_person(ANN)
    ann = person_dn("ann")
    slapd.add(dn("readers"), ["groupOfNames"], {"member": ann})
    slapd.add(dn("unique"), ["groupOfUniqueNames"], {"uniqueMember": ann})
    slapd.add(dn("posix"), ["posixGroup"], {"gidNumber": "2000", "memberUid": ["ann", "ben"]})
    slapd.add(dn("by-number"), ["posixGroup"], {"gidNumber": "3000"})
    slapd.modify(ann, {"objectClass": ["inetOrgPerson", "posixAccount"], **_POSIX})
    # writers > readers > ann, and round in a circle; outer is where the circle leads to.
    slapd.add(dn("writers"), ["groupOfNames"], {"member": dn("readers")})
    slapd.modify(dn("readers"), {"member": [ann, dn("writers")]})
    slapd.add(dn("outer"), ["groupOfNames"], {"member": dn("writers")})
    slapd.add(dn("itself"), ["groupOfNames"], {"member": dn("outer")})
    slapd.modify(dn("itself"), {"member": [dn("itself"), dn("outer")]})
    return slapd


_POSIX = {"uidNumber": "2000", "gidNumber": "3000", "homeDirectory": "/home/ann"}
KNOWN = ["readers", "unique", "posix", "by-number", "writers", "outer", "itself"]


def roles(directory: Slapd, **changed: str) -> list[str]:
    """Return Ann's roles, each called as its group is."""
    mapped = json.dumps({dn(group): [group] for group in KNOWN})
    provider = ldap_provider(directory.environ(LDAP_ROLE_MAP=mapped, **changed))
    user = provider.authenticate(ANN.username, ANN.password)
    assert user
    assert provider.find(ANN.username) == user
    return user["roles"]


def searched(group_filter: str, **changed: str) -> dict[str, str]:
    """Return the settings with which groups are searched so."""
    return {"LDAP_GROUP_BASE_DN": GROUPS, "LDAP_GROUP_FILTER": group_filter, **changed}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, ["readers"]),
        ({"LDAP_GROUP_BASE_DN": GROUPS}, ["readers", "unique"]),
        (searched("(member={dn})"), ["readers"]),
        (searched("(uniqueMember={dn})"), ["unique"]),
        (searched("(&(objectClass=posixGroup)(memberUid={username}))"), ["posix"]),
        (searched("(|(memberUid={uid})(gidNumber={gidNumber}))"), ["by-number", "posix"]),
        (searched("(|(member={dn})(gidNumber={roomNumber}))"), ["readers"]),
        (searched("(memberUid={roomNumber})"), []),
        (searched("(member={dn})", LDAP_GROUP_BASE_DN=f"{dn('unique')};{dn('readers')}"), ["readers"]),
        ({"LDAP_NESTED_GROUPS": "true"}, ["itself", "outer", "readers", "writers"]),
        (
            {"LDAP_NESTED_GROUPS": "true", "LDAP_GROUP_BASE_DN": GROUPS},
            ["itself", "outer", "readers", "unique", "writers"],
        ),
        (
            searched("(|(member={dn})(memberUid={username}))", LDAP_NESTED_GROUPS="true"),
            ["itself", "outer", "posix", "readers", "writers"],
        ),
    ],
    ids=str,
)
def test_every_kind_of_group_gives_its_roles(directory: Slapd, changed: dict[str, str], found: list[str]) -> None:
    assert roles(directory, **changed) == sorted(found)


def test_groups_tell_through_which_other_one_somebody_is_in(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ(LDAP_NESTED_GROUPS="true"))
    groups = {held.group: held.via_group for held in provider.explain("ann").groups}
    assert groups == {
        dn("readers"): None,
        dn("writers"): dn("readers"),
        dn("outer"): dn("writers"),
        dn("itself"): dn("outer"),
    }


def test_who_leaves_a_group_has_its_role_no_more(directory: Slapd) -> None:
    directory.add(dn("briefly"), ["groupOfNames"], {"member": [person_dn("ann"), SERVICE]})
    environ = directory.environ(LDAP_ROLE_MAP=json.dumps({dn("briefly"): ["brief"]}), LDAP_NESTED_GROUPS="true")
    provider = ldap_provider(environ)
    before = provider.find("ann")
    directory.modify(dn("briefly"), {"member": SERVICE})
    after = provider.find("ann")
    assert before
    assert after
    assert (before["roles"], after["roles"]) == (["brief"], [])


ODD = ["comma, plus+", 'quote "x"', "back\\slash", "<angle>;", "#hash", " blanks ", "groß é 日本"]


@pytest.fixture(scope="module")
def odd_names(directory: Slapd) -> Slapd:
    """The directory with groups whose names have to be escaped, and one whose name has two parts."""
    for name in ODD:
        directory.add(_hex_escaped(name), ["groupOfNames"], {"cn": name, "member": person_dn("o'brien")})
    two = f"cn=two+description=parts,{GROUPS}"
    directory.add(two, ["groupOfNames"], {"cn": "two", "description": "parts", "member": person_dn("o'brien")})
    return directory


def _hex_escaped(name: str) -> str:
    octets = "".join(f"\\{octet:02X}" for octet in name.encode())
    return f"cn={octets},{GROUPS}"


@pytest.mark.parametrize("source", [{}, {"LDAP_GROUP_BASE_DN": GROUPS}], ids=["memberOf", "search"])
def test_names_of_groups_may_be_odd(odd_names: Slapd, source: dict[str, str]) -> None:
    mapped = {_hex_escaped(name): [name.strip()] for name in ODD}
    mapped[f"description=Parts + CN=TWO , {GROUPS.upper()}"] = ["two"]
    environ = odd_names.environ(LDAP_ROLE_MAP=json.dumps(mapped), **source)
    user = ldap_provider(environ).authenticate("o'brien", SAMPLE_USERS[1].password)
    assert user
    assert user["roles"] == sorted([*(name.strip() for name in ODD), "two"])


def test_who_is_in_500_groups_and_a_group_of_2000_are_read_whole(directory: Slapd) -> None:
    crowd = [f"uid=crowd-{number},ou=people,{SUFFIX}" for number in range(2000)]
    directory.add(dn("crowd"), ["groupOfNames"], {"member": [person_dn("ann"), *crowd]})
    directory.add_person(SampleUser("joiner", "joiner@example.org", ANN.password, ()))
    for number in range(500):
        directory.add(dn(f"many-{number}"), ["groupOfNames"], {"member": person_dn("joiner")})
    mapped = {dn(f"many-{number}"): [f"role-{number}"] for number in range(500)}
    environ = directory.environ(LDAP_ROLE_MAP=json.dumps({dn("crowd"): ["crowd"], **mapped}))
    for nested in ("false", "true"):
        provider = ldap_provider({**environ, "LDAP_NESTED_GROUPS": nested})
        ann, joiner = provider.find("ann"), provider.authenticate("joiner", ANN.password)
        assert ann
        assert joiner
        assert (ann["roles"], len(joiner["roles"])) == (["crowd"], 500)


def test_the_primary_group_is_the_users_domains() -> None:
    sid = bytes.fromhex("010500000000000515000000a065cf7e784b9b5fe77c8770091c0100")
    entry = Entry("cn=x", {"objectsid": [sid], "primarygroupid": [b"513"]})
    assert primary_group(entry) == "S-1-5-21-2127521184-1604012920-1887927527-513"


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"objectsid": [b"\x01\x01"], "primarygroupid": [b"513"]},
        {"objectsid": [b""], "primarygroupid": [b"513"]},
        {"objectsid": [b"\x01\x01\0\0\0\0\0\5\0\0\0\0"], "primarygroupid": [b"5x"]},
        {"primarygroupid": [b"513"]},
    ],
    ids=str,
)
def test_what_is_no_sid_has_no_primary_group(attributes: dict[str, list[bytes]]) -> None:
    assert primary_group(Entry("cn=x", attributes)) is None
