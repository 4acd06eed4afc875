"""The one interface: what a provider is asked, what it may answer, and how it says it cannot.

A provider of your own is a class with the one method of `AuthProvider`. It need not import this
file; the shapes are what counts. Its methods are called from many threads at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict, runtime_checkable

from passwords.errors import Overloaded as Overloaded  # noqa: PLC0414 - a public name of this module


class User(TypedDict):
    """Who somebody is, as the store knows them (never as they typed it)."""

    username: str
    """Stable in the store, and unique there whatever its case; becomes the claim `sub`."""
    email: str | None
    roles: list[str]


UNKNOWN_USER = "unknown_user"
WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a reason
AMBIGUOUS = "ambiguous"
DISABLED = "disabled"
LOCKED = "locked"
PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - the name of a reason
MUST_CHANGE = "must_change"
ACCOUNT_EXPIRED = "account_expired"
LOGON_HOURS = "logon_hours"
WORKSTATION = "workstation"
MALFORMED = "malformed"
SHADOWED = "shadowed"


class Denied:
    """These credentials prove nobody. It is falsy, as `None` is.

    `reason` is one stable word. It goes to the log, never to the client, and tells a chain whether
    the store knows the user: `unknown_user` passes the question on, any other reason ends it.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return f"Denied({self.reason!r})"


class ProviderUnavailable(Exception):
    """The store cannot be asked. This is not a denial: it is never counted against the user.

    A provider gives the reason only. The chain adds the name by which it knows the provider.
    """

    def __init__(self, reason: str = "no reason given", provider: str | None = None) -> None:
        """`reason` is for the log and the terminal, and contains no secret."""
        super().__init__(reason)
        self.reason = reason
        self.provider = provider

    def __str__(self) -> str:
        return f"{self.provider}: {self.reason}" if self.provider else self.reason


@runtime_checkable
class AuthProvider(Protocol):
    """All that a provider must do."""

    def authenticate(self, login: str, password: str) -> User | Denied | None:
        """Return the user whom these credentials prove, or `None` or `Denied` if they prove nobody.

        `login` is what was typed: whatever the store lets people log in with, in any case. Both texts
        are NFC, not empty, free of control characters, at most 256 and 1024 characters long. An unknown
        user takes as long as a wrong password. Raises ProviderUnavailable, or any OSError, if the store
        cannot be asked.
        """
        ...


@runtime_checkable
class SupportsFind(Protocol):
    """A capability: look a user up without a password."""

    def find(self, username: str) -> User | None:
        """Return the user of exactly this name (case aside) as they are now, `None` if gone or disabled.

        Raises as `authenticate` does.
        """
        ...


@dataclass(frozen=True)
class Check:
    """One step of a diagnosis. No part of it ever holds a secret."""

    step: str
    outcome: Literal["ok", "warning", "failure"]
    found: str
    """One line: what there is."""
    remedy: str | None = None
    """One line: what to do about it; `None` where nothing is to be done."""
    seconds: float = 0.0


@runtime_checkable
class SupportsCheck(Protocol):
    """A capability: say what works and what does not."""

    def check(self) -> Iterator[Check]:
        """Yield what was found, step by step, ending where a failure makes the rest pointless.

        It raises nothing for a store that is out: that is a finding. It proves itself to the store with no
        account more than once, so that a diagnosis never locks one.
        """
        ...


@dataclass(frozen=True)
class Membership:
    """A group that somebody is in."""

    group: str
    via_group: str | None = None
    """The group whose membership makes them a member of this one; `None` if they are in it themselves."""


@dataclass(frozen=True)
class RuleResult:
    """A rule that gives roles, and what became of it."""

    rule: str
    """The rule, in one line."""
    roles: tuple[str, ...]
    matched: bool
    near_misses: tuple[str, ...] = ()
    """What nearly made it match, a line each."""


@dataclass(frozen=True)
class Explanation:
    """What a store knows of somebody, and how it comes by their roles."""

    user: User | None
    """Whom a login with the right password would prove, `None` if nobody."""
    reason: str | None = None
    """Why nobody: one of the reasons of `Denied`."""
    record: str | None = None
    """Where they stand in the store, such as their DN."""
    groups: tuple[Membership, ...] = ()
    rules: tuple[RuleResult, ...] = ()


@runtime_checkable
class SupportsExplain(Protocol):
    """A capability: say what a login would give, without a password."""

    def explain(self, login: str) -> Explanation:
        """Return what `login`, gated as for `authenticate`, would give now. Raises as `authenticate` does."""
        ...


@runtime_checkable
class SupportsListUsers(Protocol):
    """A capability: go through everybody."""

    def list_users(self) -> Iterator[User]:
        """Yield everybody who could log in now, in no order. Raises as `authenticate` does."""
        ...


@runtime_checkable
class SupportsListRoles(Protocol):
    """A capability: say which roles anybody can have at all."""

    def list_roles(self) -> frozenset[str]:
        """Return every role that the store can give now. Raises as `authenticate` does."""
        ...
