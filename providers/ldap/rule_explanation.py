"""How somebody comes by their roles: each rule, and what nearly made it match."""

from collections.abc import Iterator, Sequence

from config.text import casefold_name
from providers.interface import Membership, RuleResult
from providers.ldap.client.answers import Entry
from providers.ldap.client.dn import DN, comparable
from providers.ldap.client.filters import ANY
from providers.ldap.client.messages import BASE
from providers.ldap.groups import Searches
from providers.ldap.role_rules import Group, Rules


class RuleExplainer:
    """Judges the rules for one user."""

    def __init__(
        self, session: Searches, username: str, counted: Sequence[Membership], every: Sequence[Membership]
    ) -> None:
        """`counted` are the memberships that give roles; `every` one would if nested groups were followed."""
        self._session = session
        self._username = username
        self._counted = {comparable(held.group): held for held in counted}
        self._every = {comparable(held.group): held for held in every}

    def of(self, rules: Rules) -> Iterator[RuleResult]:
        """Yield what becomes of each rule."""
        if rules.default:
            yield RuleResult("everybody", rules.default, matched=True)
        for rule in rules.rules:
            matched = rule.condition.holds(self._counted.keys())
            near = () if matched else tuple(self._near(rule.condition.groups()))
            yield RuleResult(str(rule.condition), rule.roles, matched, near)

    def _near(self, groups: Iterator[Group]) -> Iterator[str]:
        for group in groups:
            if group.name not in self._counted and (why := self._nearly(group)):
                yield f"{group.label}: {why}"

    def _nearly(self, group: Group) -> str | None:
        held = self._every.get(group.name)
        if held:
            return f"is a member through {held.via_group}, and LDAP_NESTED_GROUPS is not true"
        entry = next(iter(self._session.search(group.dn, BASE, ANY, ["memberUid"])), None)
        if entry is None:
            return self._elsewhere(group.name) or "there is no such group"
        return self._other_case(entry)

    def _elsewhere(self, name: DN) -> str | None:
        """Return the group that has the same name in another place."""
        same = (held.group for known, held in self._counted.items() if isinstance(known, tuple) and known[0] == name[0])
        group = next(same, None)
        return f"there is no such group; they are in {group}" if group else None

    def _other_case(self, entry: Entry) -> str | None:
        """Return the member whose name differs only in case, which counts in memberUid (RFC 2307 §3)."""
        uids = entry.texts("memberUid")
        if self._username in uids:
            return None
        uid = next((uid for uid in uids if casefold_name(uid) == casefold_name(self._username)), None)
        return f"has {uid}, which differs only in case" if uid else None
