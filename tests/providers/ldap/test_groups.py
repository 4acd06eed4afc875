"""Groups of a user: every schema, nested groups, and large numbers of groups and members."""

import json

import pytest

from providers.ldap.client.responses import Entry
from providers.ldap.groups import primary_group_sid
from tests.servers.slapd import SERVICE, SUFFIX, Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.users import SAMPLE_USERS, SampleUser

GROUPS = f"ou=groups,{SUFFIX}"
ANN = SampleUser("ann", "ann@example.org", "the password of ann", ())


def dn(group: str) -> str:
    """Return the DN of a group."""
    return f"cn={group},{GROUPS}"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with groups of every schema."""
    slapd.add_person(ANN)
    ann = person_dn("ann")
    slapd.add(dn("readers"), ["groupOfNames"], {"member": ann})
    slapd.add(dn("unique"), ["groupOfUniqueNames"], {"uniqueMember": ann})
    slapd.add(dn("posix"), ["posixGroup"], {"gidNumber": "2000", "memberUid": ["ann", "ben"]})
    slapd.add(dn("by-number"), ["posixGroup"], {"gidNumber": "3000"})
    slapd.modify(ann, {"objectClass": ["inetOrgPerson", "posixAccount"], **_POSIX})
    # ann is in readers, which is in writers, which is in readers. writers is in outer, which is in itself.
    slapd.add(dn("writers"), ["groupOfNames"], {"member": dn("readers")})
    slapd.modify(dn("readers"), {"member": [ann, dn("writers")]})
    slapd.add(dn("outer"), ["groupOfNames"], {"member": dn("writers")})
    slapd.add(dn("itself"), ["groupOfNames"], {"member": dn("outer")})
    slapd.modify(dn("itself"), {"member": [dn("itself"), dn("outer")]})
    return slapd


_POSIX = {"uidNumber": "2000", "gidNumber": "3000", "homeDirectory": "/home/ann"}
GROUP_NAMES = ["readers", "unique", "posix", "by-number", "writers", "outer", "itself"]


def roles(directory: Slapd, **changed: str) -> list[str]:
    """Return Ann's roles, each named after its group."""
    mapped = json.dumps({dn(group): [group] for group in GROUP_NAMES})
    provider = ldap_provider(directory.environ(LDAP_ROLE_MAP=mapped, **changed))
    user = provider.authenticate(ANN.username, ANN.password)
    assert user
    assert provider.find(ANN.username) == user
    return user["roles"]


def search_settings(group_filter: str, **changed: str) -> dict[str, str]:
    """Return the settings of a group search."""
    return {"LDAP_GROUP_BASE_DN": GROUPS, "LDAP_GROUP_FILTER": group_filter, **changed}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, ["readers"]),
        ({"LDAP_GROUP_BASE_DN": GROUPS}, ["readers", "unique"]),
        (search_settings("(member={dn})"), ["readers"]),
        (search_settings("(uniqueMember={dn})"), ["unique"]),
        (search_settings("(&(objectClass=posixGroup)(memberUid={username}))"), ["posix"]),
        (search_settings("(|(memberUid={uid})(gidNumber={gidNumber}))"), ["by-number", "posix"]),
        (search_settings("(|(member={dn})(gidNumber={roomNumber}))"), ["readers"]),
        (search_settings("(memberUid={roomNumber})"), []),
        (search_settings("(member={dn})", LDAP_GROUP_BASE_DN=f"{dn('unique')};{dn('readers')}"), ["readers"]),
        ({"LDAP_NESTED_GROUPS": "true"}, ["itself", "outer", "readers", "writers"]),
        (
            {"LDAP_NESTED_GROUPS": "true", "LDAP_GROUP_BASE_DN": GROUPS},
            ["itself", "outer", "readers", "unique", "writers"],
        ),
        (
            search_settings("(|(member={dn})(memberUid={username}))", LDAP_NESTED_GROUPS="true"),
            ["itself", "outer", "posix", "readers", "writers"],
        ),
    ],
    ids=str,
)
def test_groups_of_every_schema_give_their_roles(directory: Slapd, changed: dict[str, str], found: list[str]) -> None:
    assert roles(directory, **changed) == sorted(found)


def test_nested_membership_names_the_group_that_adds_it(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ(LDAP_NESTED_GROUPS="true"))
    groups = {membership.group: membership.via_group for membership in provider.explain("ann").groups}
    assert groups == {
        dn("readers"): None,
        dn("writers"): dn("readers"),
        dn("outer"): dn("writers"),
        dn("itself"): dn("outer"),
    }


def test_role_ends_when_the_user_leaves_the_group(directory: Slapd) -> None:
    directory.add(dn("briefly"), ["groupOfNames"], {"member": [person_dn("ann"), SERVICE]})
    environ = directory.environ(LDAP_ROLE_MAP=json.dumps({dn("briefly"): ["brief"]}), LDAP_NESTED_GROUPS="true")
    provider = ldap_provider(environ)
    before = provider.find("ann")
    directory.modify(dn("briefly"), {"member": SERVICE})
    after = provider.find("ann")
    assert before
    assert after
    assert (before["roles"], after["roles"]) == (["brief"], [])


SPECIAL_NAMES = ["comma, plus+", 'quote "x"', "back\\slash", "<angle>;", "#hash", " blanks ", "groß é 日本"]
SEPARATORS = str.maketrans(",;", "__")
"""The characters of SPECIAL_NAMES that a role must not contain, as `str.translate` replaces them."""


@pytest.fixture(scope="module")
def special_names(directory: Slapd) -> Slapd:
    """The directory with groups whose names need escapes, and one whose RDN has two attributes."""
    for name in SPECIAL_NAMES:
        directory.add(_hex_escaped(name), ["groupOfNames"], {"cn": name, "member": person_dn("o'brien")})
    two = f"cn=two+description=parts,{GROUPS}"
    directory.add(two, ["groupOfNames"], {"cn": "two", "description": "parts", "member": person_dn("o'brien")})
    return directory


def _hex_escaped(name: str) -> str:
    octets = "".join(f"\\{octet:02X}" for octet in name.encode())
    return f"cn={octets},{GROUPS}"


@pytest.mark.parametrize("source", [{}, {"LDAP_GROUP_BASE_DN": GROUPS}], ids=["memberOf", "search"])
def test_groups_with_special_characters_give_their_roles(special_names: Slapd, source: dict[str, str]) -> None:
    roles = {name: name.strip().translate(SEPARATORS) for name in SPECIAL_NAMES}
    mapped = {_hex_escaped(name): [role] for name, role in roles.items()}
    mapped[f"description=Parts + CN=TWO , {GROUPS.upper()}"] = ["two"]
    environ = special_names.environ(LDAP_ROLE_MAP=json.dumps(mapped), **source)
    user = ldap_provider(environ).authenticate("o'brien", SAMPLE_USERS[1].password)
    assert user
    assert user["roles"] == sorted([*roles.values(), "two"])


def test_user_in_500_groups_and_group_of_2000_members_are_read_completely(directory: Slapd) -> None:
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


def test_primary_group_sid_has_the_domain_of_the_user() -> None:
    sid = bytes.fromhex("010500000000000515000000a065cf7e784b9b5fe77c8770091c0100")
    entry = Entry("cn=x", {"objectsid": [sid], "primarygroupid": [b"513"]})
    assert primary_group_sid(entry) == "S-1-5-21-2127521184-1604012920-1887927527-513"


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
def test_entry_without_a_valid_sid_has_no_primary_group(attributes: dict[str, list[bytes]]) -> None:
    assert primary_group_sid(Entry("cn=x", attributes)) is None
