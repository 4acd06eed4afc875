"""What a file contains besides users: values that are not imported, and groups."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

MAX_IGNORED = 50
"""How many names of ignored columns are remembered."""
_BATCH_ROWS = 5_000


class Membership(NamedTuple):
    """A member of a group."""

    member: str
    """A username in its case-folded form, or the key of a DN."""
    is_dn: bool
    role: str
    """The name of the group."""


class EntryName(NamedTuple):
    """The DN of a user."""

    position: int
    dn: str
    """The key of the DN."""


StoreGroups = Callable[[list[Membership], list[EntryName]], None]


class Findings:
    """Collects what a format finds. Without `store_groups`, groups are only counted."""

    def __init__(self, store_groups: StoreGroups | None = None) -> None:
        self.ignored: dict[str, None] = {}
        """The names of the columns, or of the members of objects, that are not imported."""
        self.groups = 0
        self._store_groups = store_groups
        self._memberships: list[Membership] = []
        self._names: list[EntryName] = []

    @property
    def stores_groups(self) -> bool:
        """Whether the members of groups are stored."""
        return self._store_groups is not None

    def ignore(self, name: str) -> None:
        """Note a column that is not imported."""
        if name and len(self.ignored) < MAX_IGNORED:
            self.ignored[name] = None

    def add_group(self, memberships: Iterable[Membership]) -> None:
        """Note a group, and its members."""
        self.groups += 1
        if self._store_groups:
            self._memberships += memberships
            self._flush_if_full()

    def add_entry(self, position: int, dn: str) -> None:
        """Note the DN of the user at this position."""
        if self._store_groups:
            self._names.append(EntryName(position, dn))
            self._flush_if_full()

    def flush(self) -> None:
        """Store the groups that are not yet stored."""
        if self._store_groups:
            self._store_groups(self._memberships, self._names)
            self._memberships, self._names = [], []

    def _flush_if_full(self) -> None:
        if len(self._memberships) + len(self._names) >= _BATCH_ROWS:
            self.flush()
