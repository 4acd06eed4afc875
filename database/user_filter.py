"""The filter and the order of a list of users. A service without a database can import it: it imports no SQLAlchemy."""

from dataclasses import dataclass
from typing import Literal

SortKey = Literal["username", "created"]


@dataclass(frozen=True)
class UserFilter:
    """Which users to list, and in which order. A field that is None does not filter."""

    role: str | None = None
    active: bool | None = None
    search: str | None = None
    """A part of the username or email, ignoring case."""
    sort: SortKey = "username"
    reverse: bool = False
