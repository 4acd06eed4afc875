"""The entries of users: find the entry for a login, and read the user from it."""

import logging
from datetime import UTC, datetime

from config.errors import translate_errors
from config.reloading import FileUnavailable, ReloadingFile
from config.text import casefold_name, normalize_name
from providers.account_attributes import Effect, account_denial_reason, attribute_names
from providers.interface import Denied, Membership, ProviderUnavailable, User
from providers.ldap.client.dn import dn_key, rdn_values
from providers.ldap.client.errors import LdapError
from providers.ldap.client.filters import Filter, all_of, equality, with_wildcards
from providers.ldap.client.messages import SUBTREE
from providers.ldap.client.responses import Entry
from providers.ldap.client.session import ServiceSession, SupportsSearch
from providers.ldap.groups import GroupFinder
from providers.ldap.role_rules import RoleRules
from providers.ldap.role_rules_file import read_role_rules
from providers.ldap.settings import LdapSettings

log = logging.getLogger(__name__)


class MissingUsername(LdapError):
    """An entry has no username, or an invalid one."""


class UserEntries:
    """Finds and reads the entries of users. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE is invalid."""
        self._bases = settings.base_dn
        self._domains = set(map(casefold_name, settings.domain))
        self._name_attribute, self._email_attribute = settings.name_attribute, settings.email_attribute
        self._login_filter = Filter(settings.login_filter)
        self.user_filter = Filter(with_wildcards(settings.login_filter)).encode()
        """The encoded filter that matches all users: LDAP_USER_FILTER without its condition on the login."""
        self._role_rules = _open_role_rules(settings)
        self.groups = GroupFinder(settings)
        self.attributes = (
            self._name_attribute,
            self._email_attribute,
            *self.groups.attributes,
            *attribute_names(Effect.LOGIN),
        )

    def by_login(
        self, session: SupportsSearch, login: str, *, bases: tuple[str, ...] = (), scope: int = SUBTREE
    ) -> list[Entry]:
        """Return the entries that match the login, each once. The list may be incomplete if it has two or more entries.

        `bases` replaces LDAP_BASE_DN. Raises LdapError, like all methods with the parameter `session`.
        """
        values = {"login": self._without_prefix(login), "account": self.account_name(login)}
        return self._search(session, self._login_filter.encode(**values), bases or self._bases, scope)

    def by_username(self, session: SupportsSearch, username: str) -> Entry | None:
        """Return the entry of the user with this username, if it matches LDAP_USER_FILTER.

        Return `None` if no entry or several entries have this username.
        """
        search_filter = all_of(equality(self._name_attribute, username.encode()), self.user_filter)
        entries = self._search(session, search_filter, self._bases, SUBTREE)
        # The attribute may have several values, and the search may have matched a value that is not the username.
        matching = [entry for entry in entries if casefold_name(self.username(entry)) == casefold_name(username)]
        return matching[0] if len(entries) == 1 and matching else None

    def all(self, session: ServiceSession) -> list[Entry]:
        """Return the entries of all users, each once."""
        found = (session.search_all(base, self.user_filter, self.attributes) for base in self._bases)
        return list({dn_key(entry.dn): entry for entries in found for entry in entries}.values())

    def account_name(self, login: str) -> str:
        r"""Return the login without a domain of LDAP_DOMAIN, as in `EXAMPLE\name` or `name@example.org`."""
        name = self._without_prefix(login)
        account, at, domain = name.rpartition("@")
        return account if at and casefold_name(domain) in self._domains else name

    def _without_prefix(self, login: str) -> str:
        r"""Return the login without `EXAMPLE\` if that is a domain of LDAP_DOMAIN, else unchanged."""
        domain, backslash, name = login.partition("\\")
        return name if backslash and casefold_name(domain) in self._domains else login

    def username(self, entry: Entry) -> str:
        """Return the username. Raises MissingUsername if the entry has none."""
        names = entry.texts(self._name_attribute)
        if not names:
            raise MissingUsername("an entry lacks LDAP_USERNAME_ATTRIBUTE")
        if len(names) > 1:  # their order may change, so choose the value in the DN, or the first in alphabetical order
            in_dn = rdn_values(entry.dn, self._name_attribute)
            names = sorted(name for name in names if casefold_name(name) in in_dn) or sorted(names)
        try:
            return normalize_name(names[0])
        except ValueError as error:
            raise MissingUsername(f"LDAP_USERNAME_ATTRIBUTE of an entry {error}") from None

    def user(self, session: SupportsSearch, entry: Entry, effect: Effect) -> User | Denied:
        """Return the user of an entry with their current roles, unless an attribute with this effect denies it."""
        reason = account_denial_reason(entry.texts, datetime.now(UTC), effect)
        if reason:
            return Denied(reason)
        username = self.username(entry)
        return self.user_in_groups(entry, self.groups.memberships(session, entry, username))

    def user_in_groups(self, entry: Entry, memberships: list[Membership]) -> User:
        """Return the user of an entry with the roles that these groups give."""
        roles = self.role_rules.roles_of({dn_key(membership.group) for membership in memberships})
        return User(username=self.username(entry), email=self._email(entry), roles=roles)

    @property
    def role_rules(self) -> RoleRules:
        """The current role rules. Raises ProviderUnavailable if their file was deleted."""
        with translate_errors(FileUnavailable, to=lambda error: ProviderUnavailable(str(error))):
            return self._role_rules.current()

    def _search(self, session: SupportsSearch, search_filter: bytes, bases: tuple[str, ...], scope: int) -> list[Entry]:
        found: dict[object, Entry] = {}
        for base in bases:
            for entry in session.search(base, scope, search_filter, self.attributes, size_limit=2):
                self.username(entry)  # an entry without a username is an error before the password is verified
                found.setdefault(dn_key(entry.dn), entry)  # one base DN may be below another
        return list(found.values())

    def _email(self, entry: Entry) -> str | None:
        email = entry.first(self._email_attribute)
        try:
            return normalize_name(email) if email else None
        except ValueError as error:
            log.warning("ignoring LDAP_EMAIL_ATTRIBUTE of an entry: it %s", error)
            return None


def _open_role_rules(settings: LdapSettings) -> "ReloadingFile[RoleRules]":
    path = settings.role_rules_file
    return ReloadingFile(
        "LDAP_ROLE_RULES_FILE",
        lambda: [path] if path else [],
        lambda: (read_role_rules(path) if path else RoleRules()).with_map(settings.role_map),
    )
