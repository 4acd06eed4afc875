"""The groups of a user: from memberOf, from a search, from nested groups, and from the primary group."""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic

from config.forks import ForkSafeLock
from providers.interface import Membership
from providers.ldap.binary_identifiers import sid_text
from providers.ldap.client.attribute_types import short_name
from providers.ldap.client.dn import similar_text
from providers.ldap.client.errors import IncompleteResult
from providers.ldap.client.filters import ANY_ENTRY, Filter, any_of, equality, placeholders
from providers.ldap.client.protocol import BASE, DN_ONLY
from providers.ldap.client.responses import Entry, text_of
from providers.ldap.client.session import SupportsSearch
from providers.ldap.settings import LdapSettings

# How long the parent groups of a group, and the DN of a primary group, are cached. The groups of a user are not cached.
NESTING_CACHE_SECONDS = 60.0
_MAX_CACHED_KEYS = 50_000


class GroupFinder:
    """Finds the groups of users. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        self._bases, self._user_bases = settings.group_base_dn, settings.base_dn
        self._username_attribute = settings.name_attribute
        self._filter = Filter(settings.group_filter)
        self._nested = settings.nested_groups
        self._has_primary_groups = settings.active_directory
        self._user_attributes = placeholders(settings.group_filter) - {"dn", "username"}
        self.attributes = (
            *sorted(map(short_name, self._user_attributes)),
            *(() if self._bases else ("memberOf",)),
            *(("objectSid", "primaryGroupID") if self._has_primary_groups else ()),
        )
        """The attributes of a user's entry that the methods read."""
        # Without a service account each user reads the groups, and one may not be able to read those of another.
        seconds = 0.0 if settings.user_dn_template else NESTING_CACHE_SECONDS
        self._parents, self._primary_groups = _Cache(seconds), _Cache(seconds)

    def memberships(
        self, session: SupportsSearch, entry: Entry, username: str, *, nested: bool | None = None
    ) -> list[Membership]:
        """Return the groups of the user, each once.

        `nested` is whether to follow nested groups; `None` means the value of LDAP_NESTED_GROUPS. Groups may contain
        each other in a circle. Raises LdapError.
        """
        direct = self._direct_groups(session, entry, username)
        found = {dn: Membership(dn) for dn in direct}  # a server spells the DN of an entry the same each time
        waiting = deque(direct if (self._nested if nested is None else nested) else ())
        while waiting:
            group = waiting.popleft()
            for parent in self._parents.get(group, partial(self._parent_groups, session, group)):
                if parent not in found:
                    found[parent] = Membership(parent, via_group=group)
                    waiting.append(parent)
        return list(found.values())

    def _direct_groups(self, session: SupportsSearch, entry: Entry, username: str) -> list[str]:
        if self._bases:
            values = {attribute: self._own_values(session, entry, attribute) for attribute in self._user_attributes}
            groups = self._search(session, entry.dn, {**values, "username": [username.encode()]})
        else:
            groups = entry.texts("memberOf")
        sid = primary_group_sid(entry) if self._has_primary_groups else None
        return [*groups, *(self._primary_groups.get(sid, partial(_find_by_sid, session, sid)) if sid else [])]

    def _own_values(self, session: SupportsSearch, entry: Entry, attribute: str) -> list[bytes]:
        """Return the values of an attribute, except further usernames that another entry has too.

        A user who may write them must not get the groups of the other user.
        """
        values = entry.all_values(attribute)
        if len(values) <= 1 or short_name(attribute) != short_name(self._username_attribute):
            return values
        same_name = any_of(*(equality(attribute, value) for value in values))
        found = (session.search_all(base, same_name, [attribute]) for base in self._user_bases)
        others = {
            similar_text(text)
            for entries in found
            for other in entries
            if other.dn != entry.dn
            for text in other.all_texts(attribute)
        }
        return [value for value in values if similar_text(text_of(value)) not in others]

    def _parent_groups(self, session: SupportsSearch, dn: str) -> list[str]:
        """Return the DNs of the groups of which the group `dn` is a direct member."""
        if self._bases:
            # A group has no username and none of the attributes of a user.
            return self._search(session, dn, {name: [] for name in (*self._user_attributes, "username")})
        entries = session.search(dn, BASE, ANY_ENTRY, ["memberOf"])
        return [parent for entry in entries for parent in entry.texts("memberOf")]

    def _search(self, session: SupportsSearch, dn: str, values: Mapping[str, list[bytes]]) -> list[str]:
        search_filter = self._filter.fill(dn=dn, **values)
        return [group.dn for base in self._bases for group in session.search_all(base, search_filter, DN_ONLY)]


def primary_group_sid(entry: Entry) -> str | None:
    """Return the SID of the user's primary group in Active Directory, which memberOf omits; `None` if there is none.

    The SID of the primary group is the user's SID with the RID, its last part, replaced by `primaryGroupID`.
    """
    sids, group = entry.attributes.get("objectsid"), entry.first("primaryGroupID")
    if not sids or not group or not group.isdecimal():
        return None
    try:
        return f"{sid_text(sids[0]).rpartition('-')[0]}-{group}"
    except ValueError:
        return None


def _find_by_sid(session: SupportsSearch, sid: str) -> list[str]:
    found = session.search(f"<SID={sid}>", BASE, ANY_ENTRY, DN_ONLY)
    if not found:  # every account has a primary group
        raise IncompleteResult("the primary group of an account does not exist, or may not be read")
    return [entry.dn for entry in found]


class _Cache:
    """Lists of DNs that expire after a number of seconds. Thread-safe."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = ForkSafeLock()
        self._items: dict[str, tuple[float, list[str]]] = {}

    def get(self, key: str, load: Callable[[], list[str]]) -> list[str]:
        expires_at, items = self._items.get(key, (0.0, []))
        if monotonic() < expires_at:
            return items
        items = load()
        with self._lock:
            if len(self._items) >= _MAX_CACHED_KEYS:
                self._items.clear()
            self._items[key] = (monotonic() + self._seconds, items)
        return items
