"""What the stores that hold password hashes have in common: who is proven by a password, and who is not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from passwords.hashing import verify_password
from passwords.schemes import UnusableHash, identify
from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, WRONG_PASSWORD, Denied, Explanation, User


class StoredUser(Protocol):
    """A user as such a store has them."""

    @property
    def password_hash(self) -> str: ...
    @property
    def active(self) -> bool: ...
    @property
    def username(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def roles(self) -> Sequence[str]: ...


S = TypeVar("S", bound=StoredUser)


def _no_hash() -> None:
    pass


def judge(matches: Sequence[StoredUser], password: str, decoy: Callable[[], str | None] = _no_hash) -> User | Denied:
    """Return the one user of `matches`, if there is one, the password is theirs, and they are active.

    Every outcome costs one hash; where nobody is to be judged it is `decoy()`. Raises Overloaded.
    """
    stored = matches[0] if len(matches) == 1 else None
    proven = verify_password(password, stored.password_hash) if stored else verify_password(password, None, decoy())
    if stored is None:
        return Denied(AMBIGUOUS if matches else UNKNOWN_USER)
    if not proven:
        return Denied(WRONG_PASSWORD)
    return to_user(stored) or Denied(DISABLED)


def to_user(stored: StoredUser | None) -> User | None:
    """Return the user as providers answer it, `None` if there is none or they are disabled."""
    if stored is None or not stored.active:
        return None
    return User(username=stored.username, email=stored.email, roles=list(stored.roles))


def explain_stored(matches: Sequence[S], place_of: Callable[[S], str]) -> Explanation:
    """Return what `judge` would make of `matches` with the right password; `place_of` says where a record stands."""
    if len(matches) != 1:
        places = ", ".join(map(place_of, matches)) or None
        return Explanation(None, AMBIGUOUS if matches else UNKNOWN_USER, places)
    (stored,) = matches
    if why := unusable_reason(stored.password_hash):
        return Explanation(None, WRONG_PASSWORD, f"{place_of(stored)}, whose password hash {why}")
    user = to_user(stored)
    return Explanation(user, None if user else DISABLED, place_of(stored))


def users_able_to_log_in(everybody: Iterable[StoredUser]) -> Iterator[User]:
    """Yield those whom a password could prove."""
    for stored in everybody:
        user = to_user(stored)
        if user and not unusable_reason(stored.password_hash):
            yield user


def unusable_reason(password_hash: str) -> str | None:
    """Return why no password could ever prove whoever has this hash; `None` if one can."""
    try:
        identify(password_hash)
    except UnusableHash as error:
        return str(error)
    return None
