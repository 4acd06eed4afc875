"""The username of an entry: which value it is, its text, and the filter that finds it."""

from unicodedata import normalize

from config.text import casefold_name, normalize_name
from providers.ldap.binary_identifiers import BINARY_FORMATS
from providers.ldap.client.dn import rdn_values, similar_text
from providers.ldap.client.errors import LdapError
from providers.ldap.client.filters import equality
from providers.ldap.client.responses import Entry, text_of


class MissingUsername(LdapError):
    """An entry has no username, or an invalid one."""


class UsernameAttribute:
    """The attribute that becomes `username`. Immutable."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._format = BINARY_FORMATS.get(name.lower())

    def username(self, entry: Entry) -> str:
        """Return the username. Raises MissingUsername if the entry has none, or an invalid one."""
        value = chosen_value(entry, self.name)
        if value is None:
            raise MissingUsername("an entry lacks LDAP_USERNAME_ATTRIBUTE")
        try:
            return normalize_name(self._format.to_text(value) if self._format else value.decode())
        except UnicodeDecodeError:
            raise MissingUsername("LDAP_USERNAME_ATTRIBUTE of an entry is not UTF-8") from None
        except ValueError as error:
            raise MissingUsername(f"LDAP_USERNAME_ATTRIBUTE of an entry {error}") from None

    def key(self, entry: Entry) -> str | None:
        """Return a key that is equal for two spellings of the same username; `None` if the entry has no username."""
        try:
            return username_key(self.username(entry))
        except MissingUsername:
            return None

    def may_be(self, entry: Entry, username: str) -> bool:
        """Return whether this is the username of an entry that a search with `filter(username)` has found.

        The directory decides which texts are equal, and the search may have matched another value of the attribute. So
        the result is True, unless another value explains the match.
        """
        key = username_key(username)
        return self.key(entry) == key or key not in map(username_key, entry.all_texts(self.name))

    def filter(self, username: str) -> str | None:
        """Return the filter that finds the entry; `None` if no entry can have this username."""
        try:
            return equality(self.name, self._format.to_octets(username) if self._format else username)
        except ValueError:
            return None


def chosen_value(entry: Entry, attribute: str) -> bytes | None:
    """Return the value of an attribute; `None` if it has none.

    The order of several values may change, so choose the value in the DN, or else the first in alphabetical order.
    """
    values = entry.values(attribute)
    in_dn = set(map(similar_text, rdn_values(entry.dn, attribute))) if len(values) > 1 else set()
    return min(values, key=lambda value: (similar_text(text_of(value)) not in in_dn, value), default=None)


def username_key(username: str) -> str:
    """Return a key without case, composition, width and runs of spaces, as directories compare names (RFC 4518 §2)."""
    return " ".join(casefold_name(normalize("NFKC", username)).split())
