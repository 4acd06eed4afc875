"""Who would gain or lose what if another provider took over."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from config.text import casefold_name
from providers.interface import (
    UNKNOWN_USER,
    AuthProvider,
    Explanation,
    SupportsExplain,
    SupportsFind,
    SupportsListUsers,
    User,
)
from services.chain import Chain, Identity, Link, checked_user, translate_provider_errors

REASONS = 1000
"""How many of those who are not in a list are asked for one by one: each costs the store two questions."""


class CannotTell(Exception):
    """A provider lacks the capability that a comparison takes; the text says which."""


@dataclass(frozen=True)
class Match:
    """Whom the other provider takes a user for."""

    user: User | None
    by: Literal["username", "email"] | None = None
    reason: str | None = UNKNOWN_USER
    """Why nobody, `None` if only that they are not in the list is known."""
    explanation: Explanation | None = None
    """What the provider says of them, if it was asked."""


@dataclass(frozen=True)
class Change:
    """What a switch would mean for one user."""

    user: Identity
    match: Match

    @property
    def gains(self) -> list[str]:
        """The roles that they would have and have not now."""
        return sorted(self._roles_there() - {*self.user["roles"]})

    @property
    def loses(self) -> list[str]:
        """The roles that they have now and would not have."""
        return sorted({*self.user["roles"]} - self._roles_there())

    @property
    def outcome(self) -> Literal["same", "changed", "locked_out"]:
        """What becomes of them."""
        if self.match.user is None:
            return "locked_out"
        return "changed" if self.gains or self.loses else "same"

    @property
    def doubt(self) -> str | None:
        """What says that it may be somebody else, or that their tokens would call them otherwise."""
        there = self.match.user
        if there is None:
            return None
        if self.match.by == "email":
            return f"is called {there['username']} there"
        if self.user["email"] and there["email"] and casefold_name(self.user["email"]) != casefold_name(there["email"]):
            return f"has another address there, {there['email']}: is it them?"
        return None

    def _roles_there(self) -> set[str]:
        return {*self.match.user["roles"]} if self.match.user else set()


Matcher = Callable[[Identity], Match]


def everybody(chain: Chain) -> Iterator[Identity]:
    """Yield all who can log in now. A username belongs to the first provider that lists it.

    Raises CannotTell if a provider cannot list its users, and ProviderUnavailable.
    """
    for link in chain.links:
        if not isinstance(link.provider, SupportsListUsers):
            raise CannotTell(
                f"{link.name} cannot list its users (it has no `list_users`). Name a LOGIN instead of --all"
            )
    seen: set[str] = set()
    for link in chain.links:
        for user in _listed(link):
            if casefold_name(user["username"]) not in seen:
                if len(chain.links) > 1:
                    seen.add(casefold_name(user["username"]))
                yield user


def asking(name: str, provider: AuthProvider) -> Matcher:
    """Return what asks a provider about one user at a time. Raises CannotTell if it cannot be asked."""
    link = Link(name, provider)
    if isinstance(provider, SupportsExplain):
        return lambda user: _explained(link, provider, user)
    if isinstance(provider, SupportsFind):
        return lambda user: _found(link, provider, user)
    raise CannotTell(f"{name} cannot be asked about users without their passwords (it has no `explain`, nor `find`)")


def listing(name: str, provider: AuthProvider, took: Callable[[int], None]) -> Matcher:
    """Return what looks users up in the provider's list, which is read now, `took` being told as it comes.

    Without a list they are asked for; and so are the first REASONS who are not in it, to know why. Raises
    CannotTell, and ProviderUnavailable.
    """
    if not isinstance(provider, SupportsListUsers):
        return asking(name, provider)
    by_username: dict[str, User] = {}
    by_email: dict[str, User | None] = {}
    for user in _listed(Link(name, provider)):
        by_username[casefold_name(user["username"])] = user
        if user["email"]:
            address = casefold_name(user["email"])
            by_email[address] = None if address in by_email else user  # whoever shares an address is nobody by it
        took(1)
    asked = count()

    def match(user: Identity) -> Match:
        found = _looked_up(by_username, by_email, user)
        if found.user is None and isinstance(provider, SupportsExplain) and next(asked) < REASONS:
            return _explained(Link(name, provider), provider, user)
        return found

    return match


def compare(users: Iterable[Identity], matcher: Matcher) -> Iterator[Change]:
    """Yield what becomes of each user."""
    for user in users:
        yield Change(user, matcher(user))


def _listed(link: Link) -> Iterator[Identity]:
    if isinstance(link.provider, SupportsListUsers):
        sets: dict[tuple[str, ...], list[str]] = {}  # of roles: many users have the same, and all are kept in memory
        with translate_provider_errors(link):
            for user in link.provider.list_users():
                checked = checked_user(link.name, user)
                yield Identity(**checked | {"roles": sets.setdefault(tuple(checked["roles"]), checked["roles"])})


def _looked_up(by_username: dict[str, User], by_email: dict[str, User | None], user: Identity) -> Match:
    if same := by_username.get(casefold_name(user["username"])):
        return Match(same, "username")
    same = by_email.get(casefold_name(user["email"])) if user["email"] else None
    return Match(same, "email") if same else Match(None, reason=None)


def _explained(link: Link, provider: SupportsExplain, user: Identity) -> Match:
    with translate_provider_errors(link):
        told = provider.explain(user["username"])
        if told.user and casefold_name(told.user["username"]) == casefold_name(user["username"]):
            return Match(checked_user(link.name, told.user), "username", explanation=told)
        if told.user is None and told.reason not in {None, UNKNOWN_USER}:
            return Match(None, None, told.reason or UNKNOWN_USER, told)
        told = provider.explain(user["email"]) if user["email"] else told
    if told.user and user["email"] and casefold_name(told.user["email"] or "") == casefold_name(user["email"]):
        return Match(checked_user(link.name, told.user), "email", explanation=told)
    return Match(None, None, (None if told.user else told.reason) or UNKNOWN_USER)


def _found(link: Link, provider: SupportsFind, user: Identity) -> Match:
    with translate_provider_errors(link):
        there = provider.find(user["username"])
    return Match(checked_user(link.name, there), "username") if there else Match(None)
