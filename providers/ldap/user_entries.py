"""Entries: which one a login means, and who that is."""

import logging
from datetime import UTC, datetime

from config.reloading import ReloadingFile
from config.text import casefold_name, normalize_name
from providers.interface import Membership, ProviderUnavailable, User
from providers.ldap.client.answers import Entry
from providers.ldap.client.dn import comparable, naming_values
from providers.ldap.client.filters import Filter, equality, every, with_wildcards
from providers.ldap.client.messages import SUBTREE
from providers.ldap.denial import ACCOUNT_ATTRIBUTES, is_disabled
from providers.ldap.directory import Session
from providers.ldap.groups import Groups, Searches
from providers.ldap.role_rules import Rules
from providers.ldap.role_rules_file import read_rules
from providers.ldap.settings import LdapSettings

log = logging.getLogger(__name__)


class MissingUsername(ProviderUnavailable):
    """An entry does not tell what its user is called, or nothing that a token could say."""


class Accounts:
    """Finds the entries of users, and reads them. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE cannot be used."""
        self._bases = settings.base_dn
        self._domains = set(map(casefold_name, settings.domain))
        self._username, self._email = settings.username, settings.email_attribute
        self._by_login = Filter(settings.login_filter)
        # What the filter demands besides the login.
        self.everybody = Filter(with_wildcards(settings.login_filter)).encode()
        self._rules = _rules(settings)
        self.groups = Groups(settings)
        self.attributes = (self._username, self._email, *self.groups.attributes, *ACCOUNT_ATTRIBUTES)

    def by_login(
        self, session: Searches, login: str, *, bases: tuple[str, ...] = (), scope: int = SUBTREE
    ) -> list[Entry]:
        """Return the entries that a login could mean, each once; of more than two, two."""
        condition = self._by_login.encode(login=self._without_prefix(login), account=self.account_name(login))
        return self._search(session, condition, bases or self._bases, scope)

    def by_username(self, session: Searches, username: str) -> Entry | None:
        """Return the entry of the user who is called this, and fits LDAP_USER_FILTER; `None` unless there is one."""
        condition = every(equality(self._username, username.encode()), self.everybody)
        entries = self._search(session, condition, self._bases, SUBTREE)
        # The name may be another value of the attribute than the one that is the username.
        named = [entry for entry in entries if casefold_name(self.username(entry)) == casefold_name(username)]
        return named[0] if len(entries) == 1 and named else None

    def everyone(self, session: Session) -> list[Entry]:
        """Return the entries of all who fit LDAP_USER_FILTER, each once."""
        found = (session.search_all(base, self.everybody, self.attributes) for base in self._bases)
        return list({comparable(entry.dn): entry for entries in found for entry in entries}.values())

    def account_name(self, login: str) -> str:
        """Return the login without our domain after it, as in `name@example.org`, or before it."""
        name = self._without_prefix(login)
        account, at, domain = name.rpartition("@")
        return account if at and casefold_name(domain) in self._domains else name

    def _without_prefix(self, login: str) -> str:
        r"""Return the login without our domain before it, as in `EXAMPLE\name`; another one stays, and fits nobody."""
        domain, backslash, name = login.partition("\\")
        return name if backslash and casefold_name(domain) in self._domains else login

    def username(self, entry: Entry) -> str:
        """Return what the user is called. Raises Nameless if the entry does not tell."""
        names = entry.texts(self._username)
        if not names:
            raise MissingUsername("ldap: an entry lacks LDAP_USERNAME_ATTRIBUTE")
        if len(names) > 1:  # a directory gives them in any order: the one in the DN stays, as does the first by letters
            naming = naming_values(entry.dn, self._username)
            names = sorted(name for name in names if casefold_name(name) in naming) or sorted(names)
        try:
            return normalize_name(names[0])
        except ValueError as error:
            raise MissingUsername(f"ldap: an entry's LDAP_USERNAME_ATTRIBUTE cannot be used: {error}") from None

    def user(self, entry: Entry, session: Searches) -> User | None:
        """Return the user as the entry and their groups have them now, `None` if they are disabled."""
        if is_disabled(entry, datetime.now(UTC)):
            return None
        username = self.username(entry)
        return self.with_roles(entry, self.groups.of(session, entry, username))

    def with_roles(self, entry: Entry, groups: list[Membership]) -> User:
        """Return the user of an entry, who is in these groups."""
        roles = self.rules.roles({comparable(membership.group) for membership in groups})
        return User(username=self.username(entry), email=self._address(entry), roles=roles)

    @property
    def rules(self) -> Rules:
        """The rules as the file has them now."""
        return self._rules.current()

    def _search(self, session: Searches, condition: bytes, bases: tuple[str, ...], scope: int) -> list[Entry]:
        found: dict[object, Entry] = {}
        for base in bases:
            for entry in session.search(base, scope, condition, self.attributes, at_most=2):
                self.username(entry)  # raises if there is none, whatever the password
                found.setdefault(comparable(entry.dn), entry)  # a base may be below another one
        return list(found.values())

    def _address(self, entry: Entry) -> str | None:
        email = entry.first(self._email)
        try:
            return normalize_name(email) if email else None
        except ValueError as error:
            log.warning("an entry's LDAP_EMAIL_ATTRIBUTE is left out: %s", error)
            return None


def _rules(settings: LdapSettings) -> "ReloadingFile[Rules]":
    path = settings.role_rules_file
    return ReloadingFile(
        "LDAP_ROLE_RULES_FILE",
        lambda: [path] if path else [],
        lambda: (read_rules(path) if path else Rules()).and_map(settings.role_map),
    )
