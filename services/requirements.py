"""What a guarded route asks of the roles of whoever calls it."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class RoleRequirement:
    """What one guard asks for, beside a good access token."""

    any_of: frozenset[str] | None = None
    """One of these; `None` if any user will do."""
    all_of: frozenset[str] = frozenset()
    """And each of these."""

    def allows(self, roles: Collection[str]) -> bool:
        """Say whether somebody with these roles gets past the guard. Roles compare exactly."""
        return (self.any_of is None or not self.any_of.isdisjoint(roles)) and self.all_of.issubset(roles)

    @property
    def roles(self) -> frozenset[str]:
        """All the roles that it names."""
        return (self.any_of or frozenset()) | self.all_of

    def __str__(self) -> str:
        one = " or ".join(sorted(self.any_of or ()))
        if not self.all_of:
            return one or "any user"
        return " and ".join([f"({one})" if len(self.any_of or ()) > 1 else one, *sorted(self.all_of)][not one :])


@dataclass(frozen=True)
class GuardedRoute:
    """A route, and the guards that a call has to get past."""

    path: str
    methods: tuple[str, ...]
    requirements: tuple[RoleRequirement, ...]

    def allows(self, roles: Collection[str]) -> bool:
        """Say whether it is open to somebody with these roles."""
        return all(requirement.allows(roles) for requirement in self.requirements)

    @property
    def roles(self) -> frozenset[str]:
        """All the roles that its guards name."""
        return frozenset().union(*(requirement.roles for requirement in self.requirements))

    @property
    def needs(self) -> str:
        """What it asks for, in words."""
        asked = [requirement for requirement in self.requirements if requirement.roles]
        return "; and ".join(map(str, asked)) or "any user"

    def __str__(self) -> str:
        return f"{','.join(self.methods)} {self.path}"
