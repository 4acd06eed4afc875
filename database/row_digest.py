"""A digest of the rows of a table. It does not depend on their order, because databases sort texts differently."""

import hashlib
from collections.abc import Iterable
from typing import Any

_BYTES = 16


class RowDigest:
    """The number of rows, and a digest of their values."""

    def __init__(self) -> None:
        self.rows = 0
        """The number of rows."""
        self._sum = 0

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows, as Python values."""
        for row in rows:
            digest = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % 2 ** (8 * _BYTES)
            self.rows += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowDigest) and (self.rows, self._sum) == (other.rows, other._sum)

    def __hash__(self) -> int:
        return hash((self.rows, self._sum))
