"""Groups: which ones somebody is in, however the directory keeps that."""

import struct
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from threading import Lock
from time import monotonic
from typing import Protocol

from providers.interface import Membership
from providers.ldap.client.answers import Entry
from providers.ldap.client.dn import comparable
from providers.ldap.client.filters import ANY, Filter, places_in
from providers.ldap.client.messages import BASE, SUBTREE
from providers.ldap.settings import LdapSettings

REMEMBERED = 60.0  # seconds for which it is remembered which group is in which; never who is in a group
_MOST = 50_000


class Searches(Protocol):
    """Whatever a directory can be searched through."""

    def search(
        self, base: str, scope: int, condition: bytes, attributes: Iterable[str], at_most: int = 0
    ) -> list[Entry]:
        """Return what matches; nothing where there is no such base. Raises ProviderUnavailable."""
        ...


class Groups:
    """Finds the groups of a user. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        self._bases = settings.group_base_dn
        self._filter = Filter(settings.group_filter)
        self._nested = settings.nested_groups
        self._primary = settings.active_directory
        places = places_in(settings.group_filter)
        self._places = places - {"dn", "username"}
        self.attributes = (
            *sorted(self._places),
            *(() if self._bases else ("memberOf",)),
            *(("objectSid", "primaryGroupID") if self._primary else ()),
        )
        """What is to be asked of a user's entry."""
        self._parents = _Memory()
        self._named = _Memory()

    def of(self, session: Searches, entry: Entry, username: str, *, nested: bool | None = None) -> list[Membership]:
        """Return the groups of this user; those that are only in by another group if the setting, or `nested`, says so.

        Groups that contain each other are each found once.
        """
        direct = self._direct(session, entry, username)
        found = {comparable(dn): Membership(dn) for dn in direct}
        waiting = deque(direct if (self._nested if nested is None else nested) else ())
        while waiting:
            group = waiting.popleft()
            for parent in self._parents.get(group, partial(self._containing, session, group)):
                if comparable(parent) not in found:
                    found[comparable(parent)] = Membership(parent, via_group=group)
                    waiting.append(parent)
        return list(found.values())

    def _direct(self, session: Searches, entry: Entry, username: str) -> list[str]:
        if self._bases:
            places = {place: entry.first(place) or "" for place in self._places}
            groups = self._matching(session, entry, {**places, "username": username})
        else:
            groups = entry.texts("memberOf")
        sid = primary_group(entry) if self._primary else None
        return [*groups, *(self._named.get(sid, partial(self._by_sid, session, sid)) if sid else [])]

    def _matching(self, session: Searches, entry: Entry, places: dict[str, str]) -> list[str]:
        condition = self._filter.encode(**{**places, "dn": entry.dn})
        return [group.dn for base in self._bases for group in session.search(base, SUBTREE, condition, ["1.1"])]

    def _containing(self, session: Searches, dn: str) -> list[str]:
        """Return the groups that a group is in itself."""
        if self._bases:  # what stands in the other places is a user's, so a group has nothing there
            return self._matching(session, Entry(dn, {}), dict.fromkeys({*self._places, "username"}, ""))
        return [parent for entry in session.search(dn, BASE, ANY, ["memberOf"]) for parent in entry.texts("memberOf")]

    def _by_sid(self, session: Searches, sid: str) -> list[str]:
        return [entry.dn for entry in session.search(f"<SID={sid}>", BASE, ANY, ["1.1"])]


def primary_group(entry: Entry) -> str | None:
    """Return the SID of the group in which Active Directory has somebody without saying so, `None` if there is none.

    It is of the user's domain ([MS-DTYP] §2.4.2.2): theirs, with another last part.
    """
    sid, group = entry.attributes.get("objectsid"), entry.first("primaryGroupID")
    if not sid or not group or not group.isdecimal() or not sid[0][1:] or len(sid[0]) != 8 + 4 * sid[0][1]:
        return None
    parts = struct.unpack(f"<{sid[0][1]}I", sid[0][8:])
    authority = int.from_bytes(sid[0][2:8], "big")
    return "-".join(map(str, ["S", sid[0][0], authority, *parts[:-1], group]))


class _Memory:
    """Answers that hold for a while, so that a thousand logins ask once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, tuple[float, list[str]]] = {}

    def get(self, key: str, ask: Callable[[], list[str]]) -> list[str]:
        until, answer = self._held.get(key, (0.0, []))
        if monotonic() < until:
            return answer
        answer = ask()
        with self._lock:
            if len(self._held) >= _MOST:
                self._held.clear()
            self._held[key] = (monotonic() + REMEMBERED, answer)
        return answer
