"""The names of attribute types agree with the schemas of the directories."""

import re
from itertools import combinations

import pytest
from ldap3 import BASE

from providers.ldap.client.attribute_types import short_name, type_name
from tests.servers.directory389 import Directory389
from tests.servers.samba import Samba
from tests.servers.slapd import Slapd

Server = Slapd | Samba | Directory389

# The attributes of people, groups and DNs in the standards: X.520, RFC 4519, RFC 4524.
_STANDARD_OIDS = ("2.5.4.", "0.9.2342.19200300.100.1.")
# Active Directory has a street of its own.
_DIFFERENT_IN_ACTIVE_DIRECTORY = {"streetaddress", "street"}


@pytest.fixture(params=["slapd", "samba", "directory389"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the directories."""
    found: Server = request.getfixturevalue(request.param)
    return found


def defined_names(server: Server) -> list[set[str]]:
    """Return the names and the OID of each attribute type in the schema of the directory."""
    connection = server.admin()
    _, _, root, _ = connection.search("", "(objectClass=*)", BASE, attributes=["subschemaSubentry"])
    schema = root[0]["raw_attributes"]["subschemaSubentry"][0].decode()
    _, _, found, _ = connection.search(schema, "(objectClass=*)", BASE, attributes=["attributeTypes"])
    connection.unbind()
    definitions = [value.decode() for value in found[0]["raw_attributes"]["attributeTypes"]]
    return [{definition.split()[1], *re.findall(r"'([\w.;-]+)'", _names(definition))} for definition in definitions]


def _names(definition: str) -> str:
    match = re.search(r"NAME (\([^)]*\)|'[^']*')", definition)
    return match[1] if match else ""


def test_names_of_one_type_have_one_short_name(server: Server) -> None:
    types = [names for names in defined_names(server) if any(name.startswith(_STANDARD_OIDS) for name in names)]
    several = [names for names in types if len({short_name(name) for name in names if not name[0].isdigit()}) > 1]
    assert len(types) > 50
    assert all("0.9.2342.19200300.100.1.5" in names for names in several)  # a favorite drink


def test_different_types_have_different_short_names(server: Server) -> None:
    names = [{short_name(name) for name in names if not name[0].isdigit()} for names in defined_names(server)]
    shared = {name for one, other in combinations(filter(None, names), 2) for name in one & other}
    assert len(names) > 300
    assert shared <= (_DIFFERENT_IN_ACTIVE_DIRECTORY if isinstance(server, Samba) else set())


def test_oid_has_the_short_name_of_its_type(server: Server) -> None:
    known = 0
    for names in defined_names(server):
        for oid in (name for name in names if name[0].isdigit() and short_name(name) != name):
            known += 1
            assert short_name(oid) in {short_name(name) for name in names}
    assert known > 30


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("MAIL", "mail"),
        ("rfc822Mailbox;lang-EN", "mail;lang-en"),
        ("2.5.4.3;x-b;lang-de", "cn;lang-de;x-b"),
        ("memberOf;range=0-1499", "memberof;range=0-1499"),
        ("ACME-Login", "acme-login"),
        ("1.3.6.1.4.1.9999.1", "1.3.6.1.4.1.9999.1"),
    ],
)
def test_short_name_keeps_options(attribute: str, expected: str) -> None:
    assert short_name(attribute) == expected
    assert type_name(attribute) == expected.partition(";")[0]
