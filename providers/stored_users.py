"""Logins against stores that hold password hashes: the users file and the user table."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Protocol, TypeVar

from audit.operation import note
from passwords.errors import UnusableHash
from passwords.hashing import DECOY, verify_password
from passwords.schemes import identify
from providers.decoys import Decoys
from providers.interface import (
    AMBIGUOUS,
    DISABLED,
    INVALID_RECORD,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    Denied,
    Explanation,
    User,
)

log = logging.getLogger(__name__)


class StoredUser(Protocol):
    """A user in such a store."""

    @property
    def password_hash(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def has_valid_names(self) -> bool:
        """Whether the names identify exactly this user. Otherwise logins of this user are denied."""

    @property
    def username(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def roles(self) -> Sequence[str]: ...
    @property
    def record_id(self) -> str | None:
        """See `User.record_id`; `None` if only the username identifies the user."""


S = TypeVar("S", bound=StoredUser)


def authenticate(matches: Sequence[StoredUser], login: str, password: str, decoys: Decoys) -> User | Denied:
    """Return what `verify_login` returns. A denial takes as long as the most expensive decoy."""
    began = perf_counter()
    answer = verify_login(matches, password, decoys.choose(login))
    if not answer:
        decoys.wait(began)
    return answer


def verify_login(matches: Sequence[StoredUser], password: str, decoy: str = DECOY) -> User | Denied:
    """Return the user if exactly one matches the login, the password is right and the user is active.

    Every outcome verifies one hash, so that an unknown user takes about as long as a wrong password. If no user or
    several users match, the hash is `decoy`, and the result is ignored. Raises Overloaded.
    """
    if len(matches) != 1:
        verify_password(password, None, decoy)
        return Denied(AMBIGUOUS if matches else UNKNOWN_USER)
    (stored,) = matches
    note(account=stored.username)
    if not verify_password(password, stored.password_hash):
        return Denied(WRONG_PASSWORD, stored.username)
    reason = _denial_reason(stored)
    return Denied(reason, stored.username) if reason else _to_user(stored)


def to_user(stored: StoredUser | None) -> User | None:
    """Return the user in the form that providers return; `None` if `stored` is `None`, or the user is denied."""
    return None if stored is None or _denial_reason(stored) else _to_user(stored)


def _denial_reason(stored: StoredUser) -> str | None:
    """Return why the user cannot log in with the right password; `None` if they can."""
    if not stored.has_valid_names:
        log.warning("the user %a is denied: a name in their record is inconsistent. Run: flask doctor", stored.username)
        return INVALID_RECORD
    return None if stored.active else DISABLED


def _to_user(stored: StoredUser) -> User:
    user = User(
        username=stored.username,
        email=stored.email,
        roles=list(stored.roles),
        credential_stamp=credential_stamp(stored.password_hash),
    )
    if stored.record_id is not None:
        user["record_id"] = stored.record_id
    return user


def credential_stamp(password_hash: str) -> str:
    """Return the credential stamp of a user with this password hash.

    It does not help to guess the password: a guess needs the salt, which the stamp does not reveal, and costs the
    computation of the hash as well.
    """
    return hashlib.sha256(password_hash.encode()).hexdigest()


def explain_matches(matches: Sequence[S], describe: Callable[[S], str]) -> Explanation:
    """Explain the result that `verify_login` would have with the right password.

    `describe` returns where a user is stored.
    """
    if len(matches) != 1:
        records = ", ".join(map(describe, matches)) or None
        return Explanation(None, AMBIGUOUS if matches else UNKNOWN_USER, records)
    (stored,) = matches
    if reason := unusable_reason(stored.password_hash):
        return Explanation(None, WRONG_PASSWORD, f"{describe(stored)}, whose password hash {reason}")
    reason = _denial_reason(stored)
    return Explanation(None if reason else _to_user(stored), reason, describe(stored))


def users_able_to_log_in(stored_users: Iterable[StoredUser]) -> Iterator[User]:
    """Yield the active users with a usable password hash."""
    for stored in stored_users:
        user = to_user(stored)
        if user and not unusable_reason(stored.password_hash):
            yield user


def describe_users(total: int, active: int) -> str:
    """Return how many users a store has, and how many of them are active."""
    return f"{total:,} {'user' if total == 1 else 'users'}, {active:,} active"


def unusable_reason(password_hash: str) -> str | None:
    """Return why no password can match this hash, such as "has no salt". Return `None` if the hash is usable."""
    try:
        identify(password_hash)
    except UnusableHash as error:
        return str(error)
    return None
