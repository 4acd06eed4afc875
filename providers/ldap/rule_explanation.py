"""Why a user has their roles: which role rules match, and what almost changed the result of a rule."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from config.text import casefold_name
from providers.interface import Membership, RuleResult
from providers.ldap.client.dn import DN, dn_key, similar_key
from providers.ldap.client.responses import Entry
from providers.ldap.client.session import SupportsSearch
from providers.ldap.group_dns import dn_problem, find_group, group_keys
from providers.ldap.role_rules import Condition, Group, RoleRules, excluded_groups, matches, positive_groups

FindHidden = Callable[[SupportsSearch, str], str | None]
"""A function that returns why a user may be a member of the group with a DN without the directory showing it."""


def explain_rules(
    rules: RoleRules,
    session: SupportsSearch,
    username: str,
    memberships: Sequence[Membership],
    nested_memberships: Sequence[Membership],
    *,
    find_hidden: FindHidden | None = None,
) -> Iterator[RuleResult]:
    """Yield the result of each rule for one user. Raises LdapError.

    `memberships` are the groups that give roles; `nested_memberships` are the groups that would give roles with
    LDAP_NESTED_GROUPS=true. `find_hidden` explains the groups of a directory that does not show all members.
    """
    groups = group_keys(session, memberships, rules)
    near_misses = _NearMisses(session, username, groups, memberships, nested_memberships)
    near_misses.find_hidden = find_hidden
    if rules.default:
        yield RuleResult("all users", rules.default, matched=True)
    for rule in rules.rules:
        matched = matches(rule.condition, groups)
        find = near_misses.find_wrong_exclusions if matched else near_misses.find
        yield RuleResult(str(rule.condition), rule.roles, matched, tuple(find(rule.condition)))


class _NearMisses:
    """Finds the probable mistakes in a rule or a group that decide whether the rule matches one user."""

    def __init__(
        self,
        session: SupportsSearch,
        username: str,
        groups: AbstractSet[DN | str],
        memberships: Sequence[Membership],
        nested_memberships: Sequence[Membership],
    ) -> None:
        self._session = session
        self._username = username
        self._groups = groups
        self._memberships = {dn_key(membership.group): membership for membership in memberships}
        self._nested_memberships = {dn_key(membership.group): membership for membership in nested_memberships}
        self.find_hidden: FindHidden | None = None

    def find_wrong_exclusions(self, condition: Condition) -> Iterator[str]:
        """Yield why groups that a matching rule excludes could not keep it from matching."""
        for group in excluded_groups(condition):
            if problem := dn_problem(self._session, group.dn, excluded=True):
                yield f"the excluded group {group.label} {problem}"

    def find(self, condition: Condition) -> Iterator[str]:
        """Yield why groups that a rule requires are missing, and which groups it excludes only by a similar name."""
        for group in positive_groups(condition):
            if group.key not in self._groups and (explanation := self._explain(group)):
                yield f"{group.label}: {explanation}"
        for group in excluded_groups(condition):
            if group.key not in self._groups and (similar := self._similar_membership(group.key)):
                yield f"the excluded group {group.label} is similar to {similar}, of which the user is a member"

    def _explain(self, group: Group) -> str | None:
        nested = self._nested_memberships.get(group.key)
        if nested:
            return f"the user is a member via {nested.via_group}, but LDAP_NESTED_GROUPS is not true"
        if similar := self._similar_membership(group.key):
            return f"the user is a member of {similar}, which is another group for this directory"
        entry = find_group(self._session, group.dn)
        if entry is None:
            return self._group_elsewhere(group.key) or "this group does not exist"
        hidden = self.find_hidden(self._session, entry.dn) if self.find_hidden else None
        return self._member_in_other_case(entry) or hidden

    def _similar_membership(self, key: DN) -> str | None:
        """Return the DN of a group of the user that is similar to this one, if there is one."""
        groups = (
            self._memberships[other].group for other in self._memberships if similar_key(other) == similar_key(key)
        )
        return next(groups, None)

    def _group_elsewhere(self, key: DN) -> str | None:
        """Return a text that names the user's group with the same RDN below another DN, if there is one."""
        for other, membership in self._memberships.items():
            if isinstance(other, tuple) and other[0] == key[0]:
                return f"this group does not exist, but the user is a member of {membership.group}"
        return None

    def _member_in_other_case(self, entry: Entry) -> str | None:
        """Return a text that names the memberUid that differs from the username only in case, if there is one.

        The values of memberUid are case-sensitive (RFC 2307 §3).
        """
        members = entry.texts("memberUid")
        if self._username in members:
            return None
        member = next((uid for uid in members if casefold_name(uid) == casefold_name(self._username)), None)
        return f"the member {member} differs from the username in case only" if member else None
