"""The roles that a guarded route requires."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class RoleRequirement:
    """The roles that one guard requires, in addition to a valid access token."""

    any_of: frozenset[str] | None = None
    """At least one of these; `None` if every user is allowed."""
    all_of: frozenset[str] = frozenset()
    """In addition, each of these."""

    def allows(self, roles: Collection[str]) -> bool:
        """Return whether a user with these roles passes the guard. Roles compare exactly, also in case."""
        return (self.any_of is None or not self.any_of.isdisjoint(roles)) and self.all_of.issubset(roles)

    @property
    def roles(self) -> frozenset[str]:
        """All roles in the requirement."""
        return (self.any_of or frozenset()) | self.all_of

    def __str__(self) -> str:
        any_of, all_of = " or ".join(sorted(self.any_of or ())), " and ".join(sorted(self.all_of))
        if not any_of or not all_of:
            return any_of or all_of or "any user"
        return f"({any_of}) and {all_of}" if len(self.any_of or ()) > 1 else f"{any_of} and {all_of}"


@dataclass(frozen=True)
class GuardedRoute:
    """A route, and the requirements of its guards. A request has to meet each of them."""

    path: str
    methods: tuple[str, ...]
    requirements: tuple[RoleRequirement, ...]

    def allows(self, roles: Collection[str]) -> bool:
        """Return whether a user with these roles may call the route."""
        return all(requirement.allows(roles) for requirement in self.requirements)

    @property
    def roles(self) -> frozenset[str]:
        """All roles in the requirements of its guards."""
        return frozenset().union(*(requirement.roles for requirement in self.requirements))

    @property
    def needs(self) -> str:
        """The requirements as text, such as `editor or admin`."""
        return "; and ".join(str(one) for one in self.requirements if one.roles) or "any user"

    def __str__(self) -> str:
        return f"{','.join(self.methods)} {self.path}"
