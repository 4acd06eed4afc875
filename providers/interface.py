"""The one interface: what a provider is asked, what it may answer, and how it says it cannot.

A provider of your own is a class with the one method of `AuthProvider`. It need not import this
file; the shapes are what counts. Its methods are called from many threads at once.
"""

from typing import Literal, Protocol, TypedDict, runtime_checkable


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
    """The store could not be asked. It says nothing about the user, and is never counted against them."""


class Overloaded(Exception):
    """More logins are waiting than can be served in good time; nobody has been judged."""


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
class Finds(Protocol):
    """A capability: look a user up without a password."""

    def find(self, username: str) -> User | None:
        """Return the user of exactly this name (case aside) as they are now, `None` if gone or disabled.

        Raises as `authenticate` does.
        """
        ...
