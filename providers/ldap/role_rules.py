"""Rules: from the groups that somebody is in to the roles that they have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from providers.ldap.client.dn import DN, parse_dn


class Condition(Protocol):
    """What a rule asks. It never changes, and reads as text as people would say it."""

    def holds(self, groups: AbstractSet[DN | str]) -> bool:
        """Say whether somebody in these groups meets it."""
        ...

    def groups(self) -> "Iterator[Group]":
        """Yield the groups that it names, and would have somebody be in."""
        ...


@dataclass(frozen=True)
class Group:
    """Being in a group."""

    label: str
    """As it stands in the rule."""
    dn: str
    name: DN

    @classmethod
    def of(cls, dn: str, label: str | None = None) -> "Group":
        """Return the group of this DN; ValueError, without the text, if it is none."""
        return cls(label or dn, dn, parse_dn(dn))

    def holds(self, groups: AbstractSet[DN | str]) -> bool:
        return self.name in groups

    def groups(self) -> "Iterator[Group]":
        yield self

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class All:
    """Each of its parts."""

    parts: Sequence[Condition]

    def holds(self, groups: AbstractSet[DN | str]) -> bool:
        return all(part.holds(groups) for part in self.parts)

    def groups(self) -> Iterator[Group]:
        for part in self.parts:
            yield from part.groups()

    def __str__(self) -> str:
        return " and ".join(_bracketed(self.parts, Any))


@dataclass(frozen=True)
class Any:
    """One of its parts at least."""

    parts: Sequence[Condition]

    def holds(self, groups: AbstractSet[DN | str]) -> bool:
        return any(part.holds(groups) for part in self.parts)

    def groups(self) -> Iterator[Group]:
        for part in self.parts:
            yield from part.groups()

    def __str__(self) -> str:
        return " or ".join(_bracketed(self.parts, All))


@dataclass(frozen=True)
class Neither:
    """None of its parts."""

    parts: Sequence[Condition]

    def holds(self, groups: AbstractSet[DN | str]) -> bool:
        return not any(part.holds(groups) for part in self.parts)

    def groups(self) -> Iterator[Group]:
        yield from ()

    def __str__(self) -> str:
        return "not (" + " or ".join(map(str, self.parts)) + ")"


@dataclass(frozen=True)
class Rule:
    """Who meets the condition has the roles."""

    roles: tuple[str, ...]
    condition: Condition


@dataclass(frozen=True)
class Rules:
    """All the rules of a directory. It never changes, so threads can share it."""

    rules: tuple[Rule, ...] = ()
    default: tuple[str, ...] = ()
    """What everybody has."""

    def roles(self, groups: AbstractSet[DN | str]) -> list[str]:
        """Return the roles of somebody in these groups, sorted."""
        held = {role for rule in self._combined if rule.condition.holds(groups) for role in rule.roles}
        return sorted(held.union(self.default, *(self._of_one.get(group, ()) for group in groups)))

    @cached_property
    def _of_one(self) -> dict[DN | str, set[str]]:
        """What each group gives by itself: a map may have thousands of them."""
        given: dict[DN | str, set[str]] = {}
        for rule in self.rules:
            if isinstance(rule.condition, Group):
                given.setdefault(rule.condition.name, set()).update(rule.roles)
        return given

    @cached_property
    def _combined(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if not isinstance(rule.condition, Group))

    def list_roles(self) -> frozenset[str]:
        """Return all the roles that anybody can have."""
        return frozenset(self.default).union(*(rule.roles for rule in self.rules))

    def and_map(self, role_map: Mapping[str, Iterable[str]]) -> "Rules":
        """Return these rules and one for each group of a map from DN to roles."""
        added = (Rule(tuple(roles), Group.of(dn)) for dn, roles in role_map.items())
        return Rules((*self.rules, *added), self.default)


def _bracketed(parts: Sequence[Condition], weaker: type) -> list[str]:
    return [f"({part})" if isinstance(part, weaker) and len(parts) > 1 else str(part) for part in parts]
