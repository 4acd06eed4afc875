"""Which roles users would gain or lose if another provider replaced the chain."""

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
from services.chain import Chain
from services.identity import Identity, without_session_members
from services.links import Link
from services.provider_calls import explain_with, find_with, list_users_of

MAX_EXPLAINED_ABSENCES = 1000
"""For how many users who are not in its list the other provider is asked why. This costs up to two lookups a user."""


class MissingCapability(Exception):
    """A provider lacks a method that the comparison needs. The message names it."""


@dataclass(frozen=True)
class Match:
    """The other provider's user for a user of the chain."""

    user: User | None
    by: Literal["username", "email"] | None = None
    """What both users have in common."""
    reason: str | None = UNKNOWN_USER
    """If `user` is None: the denial reason, or `None` if only the absence from the list is known."""
    explanation: Explanation | None = None
    """The other provider's explanation of the user's login; `None` if it was not asked for one, or has no user."""


@dataclass(frozen=True)
class Change:
    """What would change for one user."""

    user: Identity
    match: Match

    @property
    def gains(self) -> list[str]:
        """The roles that only the other provider gives the user."""
        return sorted(self._other_roles() - {*self.user["roles"]})

    @property
    def loses(self) -> list[str]:
        """The roles that the user has now and the other provider does not give."""
        return sorted({*self.user["roles"]} - self._other_roles())

    @property
    def outcome(self) -> Literal["same", "changed", "locked_out"]:
        """`changed`: the user would have other roles. `locked_out`: the user could not log in."""
        if self.match.user is None:
            return "locked_out"
        return "changed" if self.gains or self.loses else "same"

    @property
    def note(self) -> str | None:
        """How the username or the email differs in the other provider; `None` if neither does.

        Another username would be in the user's tokens. Another email may mean that the user is another person.
        """
        other = self.match.user
        if other is None:
            return None
        if self.match.by == "email":
            return f"has the username {other['username']} there"
        if self.user["email"] and other["email"] and casefold_name(self.user["email"]) != casefold_name(other["email"]):
            return f"has the email {other['email']} there: check that this is the same person"
        return None

    def _other_roles(self) -> set[str]:
        return {*self.match.user["roles"]} if self.match.user else set()


Matcher = Callable[[Identity], Match]


def list_users(chain: Chain) -> Iterator[Identity]:
    """Yield all users who can log in now. A username belongs to the first provider that has it.

    Raises MissingCapability if a provider cannot list its users, and ProviderUnavailable.
    """
    for link in chain.links:
        if not isinstance(link.provider, SupportsListUsers):
            raise MissingCapability(
                f"{link.name} cannot list its users (it has no `list_users`). Give a LOGIN instead of --all"
            )
    seen: set[str] = set()
    for link in chain.links:
        for user in _list_users(link):
            if casefold_name(user["username"]) not in seen and not chain.owner_before(user):
                if len(chain.links) > 1:
                    seen.add(casefold_name(user["username"]))
                yield user


def lookup_matcher(name: str, provider: AuthProvider) -> Matcher:
    """Return a matcher that asks the provider about each user. Raises MissingCapability if it cannot look users up."""
    link = Link(name, provider)
    if isinstance(provider, SupportsExplain):
        return lambda user: _match_by_explain(link, provider, user)
    if isinstance(provider, SupportsFind):
        return lambda user: _match_by_find(link, provider, user)
    raise MissingCapability(
        f"{name} cannot look users up without their passwords (it has neither `explain` nor `find`)"
    )


def list_matcher(name: str, provider: AuthProvider, advance: Callable[[int], None]) -> Matcher:
    """Read the provider's list of users, and return a matcher that searches it. Call `advance(1)` after each user.

    For the first MAX_EXPLAINED_ABSENCES users who are not in the list, the matcher asks the provider why. If the
    provider cannot list its users, return `lookup_matcher`. Raises MissingCapability and ProviderUnavailable.
    """
    if not isinstance(provider, SupportsListUsers):
        return lookup_matcher(name, provider)
    link, user_list, explained = Link(name, provider), _UserList(), count()
    for listed in _list_users(link):
        user_list.add(listed)
        advance(1)

    def match(user: Identity) -> Match:
        found = user_list.match(user)
        if found.user is None and isinstance(provider, SupportsExplain) and next(explained) < MAX_EXPLAINED_ABSENCES:
            return _match_by_explain(link, provider, user)
        return found

    return match


def compare(users: Iterable[Identity], matcher: Matcher) -> Iterator[Change]:
    """Yield what would change for each user."""
    for user in users:
        yield Change(user, matcher(user))


def _list_users(link: Link) -> Iterator[Identity]:
    if isinstance(link.provider, SupportsListUsers):
        # All users are kept in memory, and many have the same roles: they share one list.
        shared: dict[tuple[str, ...], list[str]] = {}
        for listed in list_users_of(link, link.provider):
            user = without_session_members(listed)
            yield Identity(**user | {"roles": shared.setdefault(tuple(user["roles"]), user["roles"])})


class _UserList:
    """Listed users, found by username and by email."""

    def __init__(self) -> None:
        self._by_username: dict[str, User] = {}
        self._by_email: dict[str, User | None] = {}

    def add(self, user: User) -> None:
        self._by_username[casefold_name(user["username"])] = user
        if user["email"]:
            email = casefold_name(user["email"])
            # An email that several users share identifies none of them.
            self._by_email[email] = None if email in self._by_email else user

    def match(self, user: User) -> Match:
        if same := self._by_username.get(casefold_name(user["username"])):
            return Match(same, "username")
        same = self._by_email.get(casefold_name(user["email"])) if user["email"] else None
        return Match(same, "email") if same else Match(None, reason=None)


def _match_by_explain(link: Link, provider: SupportsExplain, user: Identity) -> Match:
    explanation = explain_with(link, provider, user["username"])
    if _folded(explanation.user, "username") == casefold_name(user["username"]):
        return Match(explanation.user, "username", explanation=explanation)
    if explanation.user is None and explanation.reason not in {None, UNKNOWN_USER}:
        return Match(None, None, explanation.reason, explanation)
    explanation = explain_with(link, provider, user["email"]) if user["email"] else explanation
    if user["email"] and _folded(explanation.user, "email") == casefold_name(user["email"]):
        return Match(explanation.user, "email", explanation=explanation)
    return Match(None, None, (None if explanation.user else explanation.reason) or UNKNOWN_USER)


def _folded(user: User | None, member: Literal["username", "email"]) -> str | None:
    name = user[member] if user else None
    return casefold_name(name) if name else None


def _match_by_find(link: Link, provider: SupportsFind, user: Identity) -> Match:
    found = find_with(link, provider, user["username"])
    return Match(found, "username") if found else Match(None)
