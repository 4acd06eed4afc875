"""The roles that a view requires: what its guards and those of its blueprints enforce."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

V = TypeVar("V", bound=Callable[..., Any])

_REQUIREMENTS = "_latchkey_requirements"
"""The attribute of a view with the requirements of its guards: empty if the view is public, absent if unmarked."""


@dataclass(frozen=True)
class RoleRequirement:
    """The roles that one guard requires, in addition to a valid access token."""

    any_of: frozenset[str] | None = None
    """At least one of these; `None` if every user is allowed."""
    all_of: frozenset[str] = frozenset()
    """In addition, each of these."""

    def allows(self, roles: Collection[str]) -> bool:
        """Return whether a user with these roles passes the guard. Roles compare exactly, also in case."""
        if self.any_of is not None and self.any_of.isdisjoint(roles):
            return False
        return not self.all_of or self.all_of.issubset(roles)

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
class Route:
    """A route, and the requirements of its guards. A request has to meet each of them."""

    path: str
    methods: tuple[str, ...]
    view: str
    """The module and the name of the view."""
    requirements: tuple[RoleRequirement, ...] | None
    """Empty if the route is public; `None` if it is unmarked: neither guarded nor public."""
    other_checks: tuple[str, ...] = ()
    """The functions of `before_request` that may also reject a request. It is not known what they require."""
    source: str = field(default="", compare=False)
    """The file and the line of the view; empty if they are not known."""

    def allows(self, roles: Collection[str]) -> bool:
        """Return whether a user with these roles meets the requirements."""
        return all(requirement.allows(roles) for requirement in self.requirements or ())

    @property
    def roles(self) -> frozenset[str]:
        """All roles in the requirements of its guards."""
        return frozenset().union(*(requirement.roles for requirement in self.requirements or ()))

    @property
    def needs(self) -> str:
        """The requirements as text, such as `editor or admin`."""
        if self.requirements is None:
            return "unmarked"
        if not self.requirements:
            return "public"
        return "; and ".join(dict.fromkeys(str(one) for one in self.requirements if one.roles)) or "any user"

    def __str__(self) -> str:
        return f"{','.join(self.methods)} {self.path}"


def mark(view: V, *requirements: RoleRequirement) -> V:
    """Mark a view, or a function of `before_request`, with what it requires; with nothing, as public."""
    setattr(view, _REQUIREMENTS, (*requirements, *getattr(view, _REQUIREMENTS, ())))
    return view


def requirements_of(view: Callable[..., Any], method: str) -> tuple[RoleRequirement, ...] | None:
    """Return what the guards of a view require for an HTTP method; `None` if the view is unmarked for the method."""
    marks = [getattr(part, _REQUIREMENTS) for part in _parts(view, method) if hasattr(part, _REQUIREMENTS)]
    return tuple(requirement for mark in marks for requirement in mark) if marks else None


def _parts(view: Callable[..., Any], method: str) -> Iterator[object]:
    """Yield what can have a mark: the view and, in a class-based view, the method and the decorators of methods."""
    yield view
    view_class = getattr(view, "view_class", None)
    name = method.lower()
    yield getattr(view_class, name, None) or (getattr(view_class, "get", None) if name == "head" else None)
    # Flask-RESTful and Flask-RESTX apply these when they call the method.
    decorators: Iterable[object] | dict[str, Iterable[object]] = getattr(view_class, "method_decorators", ())
    yield from decorators.get(name, ()) if isinstance(decorators, dict) else decorators
