"""Custom providers that return, or raise, what a test sets, and a chain of them."""

from dataclasses import dataclass, field
from typing import Any

from providers.interface import WRONG_PASSWORD, Denied, User
from services.chain import Chain
from services.links import Link

KNOWN = {"username": "zoé", "email": None, "roles": ["user"]}


@dataclass
class Store:
    """A custom provider without capabilities, which records the logins that it is asked for."""

    passwords: dict[str, str] = field(default_factory=dict)
    """The password of each login."""
    answer: Any = None
    """The answer for all other logins."""
    fault: Exception | None = None
    asked: list[str] = field(default_factory=list)
    username: str = ""

    def authenticate(self, login: str, password: str) -> Any:
        self.asked.append(login)
        if self.fault:
            raise self.fault
        if login not in self.passwords:
            return self.answer
        if password != self.passwords[login]:
            return Denied(WRONG_PASSWORD)
        return {"username": self.username or login, "email": None, "roles": ["user"]}


@dataclass
class FindingStore(Store):
    """The same provider with `find`."""

    find_fault: Exception | None = None

    def find(self, username: str) -> User | None:
        if self.find_fault:
            raise self.find_fault
        known = {self.username or login for login in self.passwords}
        return User(username=username, email=None, roles=[]) if username in known else None


@dataclass
class OwningStore(FindingStore):
    """The same provider with `has_username`, and with disabled users."""

    disabled: tuple[str, ...] = ()
    ownership_fault: Exception | None = None

    def has_username(self, username: str) -> bool:
        if self.ownership_fault:
            raise self.ownership_fault
        return username in self.disabled or self.find(username) is not None


def chain(*stores: Store, skip: str = "") -> Chain:
    """Return a chain of the stores with the names a, b, c. Those in `skip` are skipped while they are unavailable."""
    return Chain([Link(name, store, name in skip) for name, store in zip("abc", stores, strict=False)])


def reason(answer: object) -> str:
    """Return the reason of a denial."""
    assert isinstance(answer, Denied), answer
    return answer.reason
