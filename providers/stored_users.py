"""What the stores that hold password hashes have in common: who is proven by a password, and who is not."""

from collections.abc import Callable, Sequence
from typing import Protocol

from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, WRONG_PASSWORD, Denied, User
from providers.passwords import verify_password


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
    return as_user(stored) or Denied(DISABLED)


def as_user(stored: StoredUser | None) -> User | None:
    """Return the user as providers answer it, `None` if there is none or they are disabled."""
    if stored is None or not stored.active:
        return None
    return User(username=stored.username, email=stored.email, roles=list(stored.roles))
