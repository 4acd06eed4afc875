"""The DNs of groups in role rules, compared with those of the directory. The directory decides which are the same."""

import re
from collections.abc import Iterable
from unicodedata import normalize

from providers.interface import Membership
from providers.ldap.client.dn import DN, canonical_spelling, dn_key, similar_key
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import BASE
from providers.ldap.client.responses import Entry
from providers.ldap.client.session import SupportsSearch
from providers.ldap.role_rules import RoleRules


def group_keys(session: SupportsSearch, memberships: Iterable[Membership], rules: RoleRules) -> set[DN | str]:
    """Return the keys (`dn_key`) of the user's groups, and of the groups of the rules that are the same entries.

    The directory is asked only about a group of the rules whose DN is similar to that of a user's group, and not equal.
    Raises LdapError.
    """
    keys = {dn_key(membership.group): membership.group for membership in memberships}
    same = {
        group.key
        for key, dn in keys.items()
        for group in rules.groups_similar_to(key)
        if group.key not in keys and _is_same_entry(session, group.dn, dn)
    }
    return same.union(keys)


def find_group(session: SupportsSearch, dn: str) -> Entry | None:
    """Return the group's entry with memberUid; `None` if it does not exist or is not visible. Raises LdapError."""
    return _first_entry(session, dict.fromkeys((dn, canonical_spelling(dn))))


def dn_problem(session: SupportsSearch, dn: str, *, excluded: bool = False) -> str | None:
    """Return what is wrong with the DN of a group, as a predicate; `None` if the directory has a group with this DN.

    An `excluded` group may have a similar DN, see `similar_key`.
    """
    entry = find_group(session, dn)
    if entry:
        is_right = similar_key(dn_key(entry.dn)) == similar_key(dn_key(dn))
    else:
        entry, is_right = _first_entry(session, _other_forms(canonical_spelling(dn))), excluded
    if entry is None:
        return "does not exist"
    return None if is_right else f"has the DN {entry.dn} in the directory"


def _other_forms(dn: str) -> list[str]:
    """Return the DN with characters that look the same, which some directories distinguish."""
    return [normalize("NFC", dn), normalize("NFD", dn), re.sub(" +", " ", normalize("NFKC", dn))]


def _is_same_entry(session: SupportsSearch, rule_dn: str, user_dn: str) -> bool:
    """Return whether two DNs name one entry. A server spells the DN of an entry the same each time."""
    entry, other = find_group(session, rule_dn), _first_entry(session, [user_dn])
    return entry is not None and other is not None and entry.dn == other.dn


def _first_entry(session: SupportsSearch, dns: Iterable[str]) -> Entry | None:
    return next((entry for dn in dns for entry in session.search(dn, BASE, ANY_ENTRY, ["memberUid"])), None)
