"""The schema of a directory: which attribute types it defines (RFC 4512 §4.2)."""

import re

from providers.ldap.client.attribute_types import short_name
from providers.ldap.client.errors import LdapError
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import BASE
from providers.ldap.client.session import SupportsSearch

_OID = re.compile(r"\(\s*([\w.-]+)")
_NAMES = re.compile(r"\sNAME\s+(?:'[^']*'|\([^)]*\))")
_NAME = re.compile(r"'([^']*)'")


def defined_attributes(session: SupportsSearch) -> frozenset[str]:
    """Return the short names (`short_name`) of all attribute types that the directory defines.

    Raises LdapError, also if the directory does not show its schema.
    """
    defined = frozenset(short_name(name) for definition in _definitions(session) for name in _names(definition))
    if not defined:
        raise LdapError("the directory does not show its schema")
    return defined


def _definitions(session: SupportsSearch) -> list[str]:
    roots = session.search("", BASE, ANY_ENTRY, ["subschemaSubentry"])
    dns = [dn for root in roots for dn in root.texts("subschemaSubentry")]
    schemas = [schema for dn in dns[:1] for schema in session.search(dn, BASE, ANY_ENTRY, ["attributeTypes"])]
    return [definition for schema in schemas for definition in schema.texts("attributeTypes")]


def _names(definition: str) -> list[str]:
    oid, names = _OID.match(definition), _NAMES.search(definition)
    return [*([oid[1]] if oid else []), *(_NAME.findall(names[0]) if names else [])]
