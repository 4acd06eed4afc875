"""The ids of revoked tokens and sessions, in little memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class RevokedIds:
    """The hashes of ids: a million of them take 8 MB, and a million texts take 130 MB.

    An id has the hash of another one of a million with a probability of 10^-13. Each process has other hashes. One
    thread can add ids while others search.
    """

    def __init__(self) -> None:
        self._sorted = array("q")
        self._newest: set[int] = set()

    def update(self, revoked: Iterable[str]) -> None:
        """Add ids. Until the next `compact`, each takes 65 octets."""
        self._newest.update(map(hash, revoked))

    def compact(self) -> None:
        """Store the ids that were added in 8 octets each."""
        self._sorted = array("q", sorted([*self._sorted, *self._newest]))
        self._newest = set()  # last, so that another thread finds an id in one of them

    def __len__(self) -> int:
        return len(self._sorted) + len(self._newest)

    def __contains__(self, revoked: str) -> bool:
        searched = hash(revoked)
        if searched in self._newest:
            return True
        ids = self._sorted
        place = bisect_left(ids, searched)
        return place < len(ids) and ids[place] == searched
