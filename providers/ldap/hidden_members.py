"""Members of a group of Active Directory that `memberOf` of the members does not show."""

import re
from contextlib import suppress

from providers.ldap.client.errors import SearchFailed
from providers.ldap.client.filters import ANY_ENTRY, equality
from providers.ldap.client.protocol import BASE, DN_ONLY, SUBTREE
from providers.ldap.client.session import SupportsSearch

_UNIVERSAL = 0x8  # in groupType ([MS-ADTS] §2.2.12)
_DOMAIN = re.compile(r"(?:,\s*dc=[^,]+)+\Z", re.IGNORECASE)


def hidden_members(session: SupportsSearch, dn: str, *, global_catalog: bool) -> str | None:
    """Return why a user may be a member of the group without its roles, as a sentence; `None` if there is no reason.

    `global_catalog` is whether the server is a global catalog. Raises LdapError.
    """
    if global_catalog and not _is_universal(session, dn):
        return "the global catalog has the members of universal groups only, and this group is not universal"
    foreign = _foreign_member(session, dn)
    if foreign:
        return f"this group contains {foreign}, but members from other forests or of built-in groups are not recognized"
    return None


def _is_universal(session: SupportsSearch, dn: str) -> bool:
    types = [group.first("groupType") for group in session.search(dn, BASE, ANY_ENTRY, ["groupType"])]
    return any(text and re.fullmatch("-?[0-9]+", text) and int(text) & _UNIVERSAL for text in types)


def _foreign_member(session: SupportsSearch, dn: str) -> str | None:
    """Return the DN of a foreign security principal in the group, if there is one."""
    domain = _DOMAIN.search(dn)
    container = f"CN=ForeignSecurityPrincipals{domain[0] if domain else ''}"
    with suppress(SearchFailed):  # the domain is on another server, or the account may not read the container
        found = session.search(container, SUBTREE, equality("memberOf", dn), DN_ONLY, 1)
        return next((entry.dn for entry in found), None)
    return None
