"""What can be asked of the user table when not everybody is wanted."""

from dataclasses import dataclass
from typing import Literal

SortKey = Literal["username", "created"]


@dataclass(frozen=True)
class UserFilter:
    """Which users are wanted, and in which order."""

    role: str | None = None
    active: bool | None = None
    search: str | None = None
    """A part of the username or the e-mail address, in any case."""
    sort: SortKey = "username"
    reverse: bool = False
