"""Attributes with many values, which Active Directory sends in parts, as [MS-ADTS] §3.1.1.3.1.3.3 defines."""

import re
from collections.abc import Callable

from providers.ldap.client.errors import IncompleteResult
from providers.ldap.client.responses import Entry

_PART = re.compile(r"(?P<name>.+?);range=(?P<first>[0-9]{1,10})-(?P<last>[0-9]{1,10}|\*)", re.IGNORECASE)
_IS_PART = re.compile(";range=", re.IGNORECASE)

Read = Callable[[str, str], list[Entry]]
"""A function that reads one attribute of the entry with a DN."""


def complete_ranges(entry: Entry, read: Read) -> Entry:
    """Return the entry with all values of the attributes that arrived in parts. `read` requests the other parts.

    Raises LdapError if a part is missing.
    """
    attributes = {name: values for name, values in entry.attributes.items() if not _IS_PART.search(name)}
    for name in entry.attributes.keys() - attributes.keys():
        attribute, values = _all_values(entry, name, read)
        attributes[attribute] = [*attributes.get(attribute, ()), *values]
    return Entry(entry.dn, attributes)


def _all_values(entry: Entry, name: str, read: Read) -> tuple[str, list[bytes]]:
    """Return an attribute's name without its range, and all of its values, of which the entry has the first ones."""
    attribute, last = _range(name, first=0)
    values = list(entry.attributes[name])
    while last != "*":
        first = int(last) + 1
        parts = [part for part in read(entry.dn, f"{attribute};range={first}-*") if part.dn == entry.dn]
        names = [name for part in parts for name in part.attributes if _IS_PART.search(name)]
        if len(parts) != 1 or len(names) != 1 or not parts[0].attributes[names[0]]:
            raise IncompleteResult("the server did not send all values of an attribute")
        values += parts[0].attributes[names[0]]
        _, last = _range(names[0], first)
    return attribute, values


def _range(name: str, first: int) -> tuple[str, str]:
    """Return an attribute's name without its range, and the end of the range, which must begin with `first`."""
    part = _PART.fullmatch(name)
    if not part or int(part["first"]) != first or (part["last"] != "*" and int(part["last"]) < first):
        raise IncompleteResult("the server sent a part of an attribute that was not requested")
    return part["name"], part["last"]
