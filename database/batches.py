"""Long lists in parts: a database limits the number of values in a statement."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

ITEMS_PER_BATCH = 1_000


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in parts of at most ITEMS_PER_BATCH, in their order."""
    for begin in range(0, len(items), ITEMS_PER_BATCH):
        yield items[begin : begin + ITEMS_PER_BATCH]
