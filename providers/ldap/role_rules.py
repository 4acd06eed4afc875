"""Role rules: conditions on the groups of a user, and the roles that they give."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from providers.ldap.client.dn import DN, parse_dn, similar_key


@dataclass(frozen=True)
class Group:
    """The condition that the user is a member of a group."""

    label: str
    """The group's name in [groups], or its DN."""
    dn: str
    key: DN
    """The parsed DN. All spellings of the DN have the same key."""

    @classmethod
    def of(cls, dn: str, label: str | None = None) -> "Group":
        """Return the group with this DN. Raises the ValueError of `parse_dn`."""
        return cls(label or dn, dn, parse_dn(dn))

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class AllOf:
    """The condition that all parts match."""

    parts: Sequence["Condition"]

    def __str__(self) -> str:
        return " and ".join(_bracketed(self.parts, AnyOf))


@dataclass(frozen=True)
class AnyOf:
    """The condition that at least one part matches."""

    parts: Sequence["Condition"]

    def __str__(self) -> str:
        return " or ".join(_bracketed(self.parts, AllOf))


@dataclass(frozen=True)
class NoneOf:
    """The condition that none of the parts matches."""

    parts: Sequence["Condition"]

    def __str__(self) -> str:
        return "not (" + " or ".join(map(str, self.parts)) + ")"


Condition: TypeAlias = Group | AllOf | AnyOf | NoneOf


def matches(condition: Condition, groups: AbstractSet[DN | str]) -> bool:
    """Return whether a member of the groups with these keys (`dn_key`) meets the condition.

    A group that a rule excludes is also recognized by a similar key (`similar_key`), because servers differ in which
    DNs are equal. So in doubt the user does not get the role.
    """
    return _matches(condition, groups, frozenset(map(similar_key, groups)), excluding=False)


def _matches(
    condition: Condition, groups: AbstractSet[DN | str], similar: AbstractSet[DN | str], *, excluding: bool
) -> bool:
    match condition:
        case Group():
            return similar_key(condition.key) in similar if excluding else condition.key in groups
        case AllOf():
            return all(_matches(part, groups, similar, excluding=excluding) for part in condition.parts)
        case AnyOf():
            return any(_matches(part, groups, similar, excluding=excluding) for part in condition.parts)
        case NoneOf():
            return not any(_matches(part, groups, similar, excluding=not excluding) for part in condition.parts)


def excluded_groups(condition: Condition) -> Iterator[Group]:
    """Yield the groups inside NoneOf. A membership in these groups can keep the condition from matching."""
    match condition:
        case NoneOf():
            yield from _all_groups(AnyOf(condition.parts))
        case AllOf() | AnyOf():
            for part in condition.parts:
                yield from excluded_groups(part)


def _all_groups(condition: Condition) -> Iterator[Group]:
    match condition:
        case Group():
            yield condition
        case _:
            for part in condition.parts:
                yield from _all_groups(part)


def positive_groups(condition: Condition) -> Iterator[Group]:
    """Yield the groups outside NoneOf. Only a membership in these groups can make the condition match."""
    match condition:
        case Group():
            yield condition
        case AllOf() | AnyOf():
            for part in condition.parts:
                yield from positive_groups(part)


@dataclass(frozen=True)
class RoleRule:
    """A condition, and the roles of every user who meets it."""

    roles: tuple[str, ...]
    condition: Condition


@dataclass(frozen=True)
class RoleRules:
    """All role rules of a directory. The object is immutable, so threads can share it."""

    rules: tuple[RoleRule, ...] = ()
    default: tuple[str, ...] = ()
    """The roles of every user."""

    def roles_of(self, groups: AbstractSet[DN | str]) -> list[str]:
        """Return the roles of a member of the groups with these keys (`dn_key`), in alphabetical order."""
        similar = frozenset(map(similar_key, groups)) if self._compound_rules else frozenset()
        matching = (rule for rule in self._compound_rules if _matches(rule.condition, groups, similar, excluding=False))
        roles = {role for rule in matching for role in rule.roles}
        return sorted(roles.union(self.default, *(self._roles_by_group.get(group, ()) for group in groups)))

    def groups_similar_to(self, key: DN | str) -> Sequence[Group]:
        """Return the groups of the rules whose keys are similar to the key of a DN (`similar_key`)."""
        return self._groups_by_similar_key.get(similar_key(key), ())

    @cached_property
    def _groups_by_similar_key(self) -> dict[DN | str, list[Group]]:
        groups: dict[DN | str, list[Group]] = {}
        for rule in self.rules:
            for group in _all_groups(rule.condition):
                groups.setdefault(similar_key(group.key), []).append(group)
        return groups

    @cached_property
    def _roles_by_group(self) -> dict[DN | str, set[str]]:
        """The roles that one group gives by itself. A role map may have thousands of groups."""
        roles: dict[DN | str, set[str]] = {}
        for rule in self.rules:
            if isinstance(rule.condition, Group):
                roles.setdefault(rule.condition.key, set()).update(rule.roles)
        return roles

    @cached_property
    def _compound_rules(self) -> tuple[RoleRule, ...]:
        return tuple(rule for rule in self.rules if not isinstance(rule.condition, Group))

    def list_roles(self) -> frozenset[str]:
        """Return all roles that a user can have."""
        return frozenset(self.default).union(*(rule.roles for rule in self.rules))

    def with_map(self, role_map: Mapping[str, Iterable[str]]) -> "RoleRules":
        """Return these rules, followed by one rule for each group of a map from DN to roles."""
        added = (RoleRule(tuple(roles), Group.of(dn)) for dn, roles in role_map.items())
        return RoleRules((*self.rules, *added), self.default)


def _bracketed(parts: Sequence[Condition], weaker: type) -> list[str]:
    return [f"({part})" if isinstance(part, weaker) and len(parts) > 1 else str(part) for part in parts]
