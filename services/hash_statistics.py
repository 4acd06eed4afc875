"""How many users have a password hash of each scheme, cost and status."""

from collections.abc import Iterable
from dataclasses import dataclass

from database.user_table import StoredHash
from passwords.status import HashStatus, hash_status


@dataclass
class HashCount:
    """The number of users whose password hashes have the same scheme, parameters and status."""

    status: HashStatus
    example: str
    """The username of one of these users."""
    users: int = 0
    active: int = 0
    """How many of these users are active."""


class HashStatistics:
    """Counts password hashes. Not thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[HashStatus, HashCount] = {}

    def add(self, hashes: Iterable[StoredHash]) -> None:
        """Count more hashes."""
        for stored in hashes:
            status = hash_status(stored.password_hash)
            count = self._counts.get(status)
            if count is None:
                count = self._counts[status] = HashCount(status, stored.username)
            count.users += 1
            count.active += stored.active

    def counts(self) -> list[HashCount]:
        """Return the counts, the largest number of users first."""
        return sorted(self._counts.values(), key=lambda count: -count.users)
