"""The interface of credential providers.

A provider is an object with the method of `AuthProvider`. Each `Supports…` protocol is a capability: one more method
that a provider may have. A custom provider does not need to import this module, because the protocols compare methods,
not base classes. All methods are called concurrently, from many threads.

`authenticate`, `find` and `has_username` must return or raise within TIME_LIMIT_SECONDS: give every connection and
request to the store a timeout. The service does not interrupt a call that takes longer, because a thread cannot be
interrupted. It logs the name of the provider once, when the limit is exceeded, and again when a call returns in time.
Each waiting call occupies one of the logins that a process accepts concurrently.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NotRequired, Protocol, TypedDict, runtime_checkable

from config.http_error import Unavailable
from passwords.errors import Overloaded as Overloaded  # noqa: PLC0414 - a public name of this module

TIME_LIMIT_SECONDS = 10.0
"""How long a call of a provider may take while a request waits for it."""


class User(TypedDict):
    """A user with the names that the store has, not the login that the user typed.

    The username, the email and the roles are in Unicode NFC and have at most 256 characters, no surrounding whitespace
    and no control characters. Another name is an error of the provider and is not corrected: the corrected name may
    belong to another user.
    """

    username: str
    """Stable and, ignoring case, unique in the store. It becomes the claim `sub`."""
    email: str | None
    roles: list[str]
    record_id: NotRequired[str]
    """Identifies the record in the store, and no later record: a later user of the same username has another id.

    A session ends when the record id of its user differs from the one at the login.
    """
    credential_stamp: NotRequired[str]
    """Changes with every change of the user's password, and with nothing else. It must not help to guess a password.

    `authenticate` reads it before it verifies the password. A session ends when the stamp of its user differs from
    the one at the login.
    """


SESSION_MEMBERS = frozenset({"record_id", "credential_stamp"})
"""The members of `User` that only sessions use. No token, response, log or explanation contains them."""

# Denial reasons.
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
INVALID_REASON = "invalid_reason"
INVALID_RECORD = "invalid_record"


class Denied:
    """A denied login. It is falsy, as `None` is.

    `reason` is one stable word, such as a constant of this module: at most 64 characters of `a-z`, `0-9` and `_`. Any
    other text counts as `invalid_reason`. The reason is logged, and clients never see it. In a chain, the next provider
    is asked after `unknown_user`; any other reason decides the login.
    """

    __slots__ = ("reason", "username")

    def __init__(self, reason: str, username: str | None = None) -> None:
        """`username` is that of the user whom the login means, as the provider knows it.

        All logins with which a user fails are then counted together. `None` if there is no such user, or several.
        """
        self.reason = reason
        self.username = username

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return f"Denied({self.reason!r})"


class ProviderUnavailable(Unavailable):
    """The store is unavailable. This is not a denial, and does not count as a failed login of the user.

    A provider gives only the reason. The chain adds the name that the provider has in AUTH_PROVIDER.
    """

    error_code = "provider_unavailable"
    message = "Credential store unavailable"

    def __init__(self, reason: str = "no reason given", provider: str | None = None) -> None:
        """`reason` is for the log and the terminal, and contains no secret."""
        super().__init__(reason)
        self.reason = reason
        self.provider = provider

    def __str__(self) -> str:
        return f"{self.provider}: {self.reason}" if self.provider else self.reason

    @property
    def statement(self) -> str:
        """The error as the predicate of a sentence about the provider."""
        return f"is unavailable: {self.reason}"


class RequestFailed(ProviderUnavailable):
    """The store is available, but could not answer this request, for example because the user's record is damaged.

    A chain never skips the provider because of it. Otherwise a fault of one record, or a slow request, would let the
    next provider decide about a user of this one.
    """

    @property
    def statement(self) -> str:
        """As in the superclass. Other requests may succeed, so the provider does not count as unavailable."""
        return f"cannot answer this request: {self.reason}"


@runtime_checkable
class AuthProvider(Protocol):
    """The interface that every provider must have."""

    def authenticate(self, login: str, password: str) -> User | Denied | None:
        """Return the user if the password is right, otherwise `Denied`, or `None` to give no reason.

        In a chain, `None` counts as `unknown_user`. An unknown user must take as long as a wrong password.

        `login` is what the user typed, such as a username or an email, in upper or lower case. Both texts are in
        Unicode NFC, are not empty and have no control characters. A login has at most 256 characters, a password at
        most 1024. Raises ProviderUnavailable or any OSError if the store is unavailable, within TIME_LIMIT_SECONDS.
        """
        ...


@runtime_checkable
class SupportsFind(Protocol):
    """The capability to look up a user without a password. Without it, users of the provider get no refresh tokens."""

    def find(self, username: str) -> User | None:
        """Return the current data of the user with this username, ignoring case; `None` if deleted or disabled.

        Raises what `authenticate` raises.
        """
        ...


@runtime_checkable
class SupportsHasUsername(Protocol):
    """The capability to look up a username. Without it, a chain calls `find`, which does not find disabled users."""

    def has_username(self, username: str) -> bool:
        """Return whether any record has this username, ignoring case.

        The record may be disabled, locked or expired, and several records may share the username. Raises what
        `authenticate` raises.
        """
        ...


CheckOutcome = Literal["ok", "info", "warning", "failure"]
"""`info` is a reminder, which does not count as a warning."""


@dataclass(frozen=True)
class Check:
    """A finding of the doctor. No member contains a secret."""

    step: str
    outcome: CheckOutcome
    found: str
    """What was found, in one line."""
    remedy: str | None = None
    """What to do, in one line without a period; `None` if nothing has to be done."""
    seconds: float = 0.0
    """The duration of the step; 0 if the doctor should measure it."""


@runtime_checkable
class SupportsCheck(Protocol):
    """The capability to diagnose the store."""

    def check(self) -> Iterator[Check]:
        """Yield a finding for each step. End after a failure that makes further steps pointless.

        An unavailable store is a finding, not an exception. Each account authenticates to the store at most once, so
        that a diagnosis does not lock the account.
        """
        ...


@dataclass(frozen=True)
class Membership:
    """A group that contains the user."""

    group: str
    via_group: str | None = None
    """The member of `group` through which the user belongs to it; `None` if the user is a direct member."""


@dataclass(frozen=True)
class RuleResult:
    """A role rule, and whether it matched the user."""

    rule: str
    """The rule as text, in one line."""
    roles: tuple[str, ...]
    matched: bool
    near_misses: tuple[str, ...] = ()
    """What almost changed the result of the rule, in one line each."""


@dataclass(frozen=True)
class Explanation:
    """What a login with the right password would be granted, and why."""

    user: User | None
    """The user who would be authenticated; `None` if the login would be denied."""
    reason: str | None = None
    """The denial reason, as in `Denied`; `None` if the login would be accepted."""
    record: str | None = None
    """Where the user is stored, for example their DN."""
    groups: tuple[Membership, ...] = ()
    rules: tuple[RuleResult, ...] = ()


@runtime_checkable
class SupportsExplain(Protocol):
    """The capability to explain a login without its password."""

    def explain(self, login: str) -> Explanation:
        """Return what `authenticate` would return now for this login and the right password.

        `login` is as for `authenticate`. Raises what `authenticate` raises.
        """
        ...


@runtime_checkable
class SupportsListUsers(Protocol):
    """The capability to list all users."""

    def list_users(self) -> Iterator[User]:
        """Yield the users who can log in now, in any order. Raises what `authenticate` raises."""
        ...


@runtime_checkable
class SupportsListRoles(Protocol):
    """The capability to list the roles that users can have."""

    def list_roles(self) -> frozenset[str]:
        """Return all roles that the store can give a user now. Raises what `authenticate` raises."""
        ...
