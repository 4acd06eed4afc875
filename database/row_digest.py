"""A digest of the rows of a table. It does not depend on their order, because databases sort texts differently."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_BYTES = 16


@dataclass
class RowDigest:
    """The number of rows, and a digest of their values."""

    rows: int = 0
    """The number of rows."""
    _sum: int = 0

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows, as Python values."""
        for row in rows:
            digest = hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % 2 ** (8 * _BYTES)
            self.rows += 1
