"""The entries of users: find the entry for a login, and read the user from it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from audit.events import Event, write_process_event
from config.errors import translate_errors
from config.reloading import FileUnavailable, ReloadingFile
from config.text import casefold_name, normalize_name
from providers.account_attributes import Effect, account_denial_reason, attribute_names
from providers.interface import Denied, Membership, ProviderUnavailable, User
from providers.ldap.client.filters import ANY_ENTRY, Filter, all_of, any_of, equality, includes, negation, presence
from providers.ldap.client.protocol import SUBTREE, Scope
from providers.ldap.client.responses import Entry, text_of
from providers.ldap.client.session import ServiceSession, SupportsSearch
from providers.ldap.group_dns import group_keys
from providers.ldap.groups import GroupFinder
from providers.ldap.login_filter import condition_on_users
from providers.ldap.records import ID_ATTRIBUTES, RECORD_ATTRIBUTES, credential_stamp, is_same_record, record_id
from providers.ldap.role_rules import RoleRules
from providers.ldap.role_rules_file import read_role_rules
from providers.ldap.service_account import ServiceAccountEntry
from providers.ldap.settings import LdapSettings
from providers.ldap.usernames import UsernameAttribute, username_key

log = logging.getLogger(__name__)

# More matches than any login or username should have. If a search returns so many, it may have found even more.
_MAX_MATCHES = 10


class UserEntries:
    """Finds and reads the entries of users. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE is invalid."""
        self._bases = settings.base_dn
        self._service_account = ServiceAccountEntry(settings.bind_dn)
        self._domains = set(map(casefold_name, settings.domain))
        self._usernames, self._email_attribute = UsernameAttribute(settings.name_attribute), settings.email_attribute
        self._login_filter = Filter(settings.login_filter)
        self.user_filter = condition_on_users(settings.login_filter)
        """The filter that matches all users: LDAP_USER_FILTER without its condition on the login."""
        self._all_holders_are_users = includes(self.user_filter, presence(settings.name_attribute))
        self._role_rules = _open_role_rules(settings)
        self.groups = GroupFinder(settings)
        # An entry may have 100,000 values of memberOf, so searches for the holders of a username do not read them.
        self._name_attributes = (settings.name_attribute, *ID_ATTRIBUTES)
        self.attributes = (
            settings.name_attribute,
            self._email_attribute,
            *self.groups.attributes,
            *attribute_names(Effect.LOGIN),
            *RECORD_ATTRIBUTES,
            *self._service_account.attributes,
        )

    def by_login(
        self, session: SupportsSearch, login: str, *, bases: tuple[str, ...] = (), scope: Scope = SUBTREE
    ) -> list[Entry]:
        """Return the entry that the login means, or all entries that it may mean, each once.

        An entry whose username is the login has precedence over entries that match in another way, such as by `mail`,
        which users may be able to edit. The list may be incomplete if it has two or more entries. `bases` replaces
        LDAP_BASE_DN. The service account is not a user: wrong passwords could lock it. Raises LdapError, like all
        methods with the parameter `session`.
        """
        values = {"login": self._without_prefix(login), "account": self.account_name(login)}
        search_filter, bases = self._login_filter.fill(**values), bases or self._bases
        found = self._search(session, search_filter, bases, scope)
        if len(found) >= _MAX_MATCHES:  # entries with false emails may have displaced others
            others = self._search(session, all_of(search_filter, self._no_false_email(login)), bases, scope)
            found = list({entry.dn: entry for entry in (*found, *others)}.values())
        for name in dict.fromkeys(values.values()) if len(found) > 1 else ():
            if len(named := self._search_name(session, name, search_filter, bases, scope)) == 1:
                found = named
                break
        return [
            entry
            for entry in found
            if not self._service_account.matches(entry) and not self._is_false_email(entry, login)
        ]

    def by_username(self, session: SupportsSearch, username: str) -> Entry | None:
        """Return the entry of the user with this username, if it matches LDAP_USER_FILTER.

        Return `None` if no entry has this username, or another entry has it too.
        """
        found = self._search_name(session, username, self.user_filter)
        if found and not (len(found) == 1 and self._is_unique(session, found[0], username)):
            log.warning("the username %a is ambiguous: other entries below LDAP_BASE_DN may have it", username)
            return None
        return found[0] if found and self._usernames.key(found[0]) == username_key(username) else None

    def holders(self, session: SupportsSearch, entry: Entry) -> list[Entry]:
        """Return the entries below LDAP_BASE_DN that have the username of this entry: itself, and possibly others.

        LDAP_USER_FILTER does not apply: a username that an excluded entry has is not free. The list may be incomplete
        if it has two or more entries.
        """
        return self._search_name(session, self.username(entry), attributes=self._name_attributes)

    def owns_username(self, session: SupportsSearch, entry: Entry) -> bool:
        """Return whether this entry, and no other entry below LDAP_BASE_DN, has its username."""
        holders = self.holders(session, entry)
        return len(holders) == 1 and is_same_record(holders[0], entry)

    def has_username(self, session: SupportsSearch, username: str) -> bool:
        """Return whether an entry below LDAP_BASE_DN has this value in LDAP_USERNAME_ATTRIBUTE."""
        search_filter = self._usernames.filter(username)
        return search_filter is not None and bool(
            self._search(session, search_filter, self._bases, attributes=self._name_attributes)
        )

    def all(self, session: ServiceSession) -> list[Entry]:
        """Return the entries of all users, each once, without those that share their username."""
        holders = self.by_key(self.named(session))
        found = (session.list_entries(base, self.user_filter, self.attributes) for base in self._bases)
        entries = {entry.dn: entry for entries in found for entry in entries}.values()
        return [entry for entry in entries if len(holders.get(self._usernames.key(entry), ())) <= 1]

    def named(self, session: ServiceSession, limit: int = 0) -> list[Entry]:
        """Return all entries below LDAP_BASE_DN that have a username, without other attributes.

        `limit` is the number of entries after which the search ends; 0 means no limit.
        """
        any_name = presence(self._usernames.name)
        found = (session.list_entries(base, any_name, [self._usernames.name], limit) for base in self._bases)
        return [entry for entries in found for entry in entries]

    def by_key(self, entries: Iterable[Entry]) -> dict[str | None, list[Entry]]:
        """Return entries by the `username_key` of their usernames, each once."""
        by_key: dict[str | None, list[Entry]] = {}
        for entry in {entry.dn: entry for entry in entries}.values():
            by_key.setdefault(self._usernames.key(entry), []).append(entry)
        return by_key

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
        return self._usernames.username(entry)

    def user(self, session: SupportsSearch, entry: Entry, effect: Effect) -> User | Denied:
        """Return the user of an entry with their current roles, unless an attribute with this effect denies it."""
        reason = account_denial_reason(entry.all_texts, datetime.now(UTC), effect)
        if reason:
            return Denied(reason)
        username = self.username(entry)
        return self.user_in_groups(session, entry, self.groups.memberships(session, entry, username))

    def user_in_groups(self, session: SupportsSearch, entry: Entry, memberships: list[Membership]) -> User:
        """Return the user of an entry with the roles that these groups give."""
        rules = self.role_rules
        roles = rules.roles_of(group_keys(session, memberships, rules))
        user = User(username=self.username(entry), email=self._email(entry), roles=roles)
        user["credential_stamp"] = credential_stamp(entry)
        if record := record_id(entry):
            user["record_id"] = record
        return user

    def require_role_rules(self) -> None:
        """Raise ProviderUnavailable if the file of the role rules was deleted.

        A login calls this before its bind, so that the result is the same for every password.
        """
        _ = self.role_rules

    @property
    def role_rules(self) -> RoleRules:
        """The current role rules. Raises ProviderUnavailable if their file was deleted."""
        with translate_errors(FileUnavailable, to=lambda error: ProviderUnavailable(str(error))):
            return self._role_rules.current()

    def _is_unique(self, session: SupportsSearch, entry: Entry, username: str) -> bool:
        """Return whether the only user that a search by the username has found is the only entry with its username."""
        found_all = self._all_holders_are_users and self.username(entry) == username
        return found_all or self.owns_username(session, entry)

    def _is_false_email(self, entry: Entry, login: str) -> bool:
        """Return whether the login is not an email, and the entry matches because its email attribute has it anyway.

        Users may be able to edit their email, and could lock out a user of a later provider in the chain.
        """
        key, emails = username_key(login), map(username_key, entry.all_texts(self._email_attribute))
        return "@" not in login and key in emails and self._usernames.key(entry) != key

    def _no_false_email(self, login: str) -> str:
        """Return a filter that matches the entries for which `_is_false_email` is False."""
        if "@" in login:
            return ANY_ENTRY
        name_filter = self._usernames.filter(login)
        no_email = negation(equality(self._email_attribute, login))
        return any_of(no_email, name_filter) if name_filter else no_email

    def _search_name(
        self,
        session: SupportsSearch,
        username: str,
        condition: str = ANY_ENTRY,
        bases: tuple[str, ...] = (),
        scope: Scope = SUBTREE,
        *,
        attributes: Sequence[str] = (),
    ) -> list[Entry]:
        """Return the entries with this username that match the condition. Several if the search may be incomplete."""
        name_filter = self._usernames.filter(username)
        if name_filter is None:
            return []
        found = self._search(
            session, all_of(name_filter, condition), bases or self._bases, scope, attributes=attributes
        )
        named = [entry for entry in found if self._usernames.may_be(entry, username)]
        return found if len(found) >= _MAX_MATCHES else named

    def _search(
        self,
        session: SupportsSearch,
        search_filter: str,
        bases: tuple[str, ...],
        scope: Scope = SUBTREE,
        *,
        attributes: Sequence[str] = (),
    ) -> list[Entry]:
        selection = attributes or self.attributes
        found: dict[str, Entry] = {}
        for base in bases:
            for entry in session.search(base, scope, search_filter, selection, size_limit=_MAX_MATCHES):
                found.setdefault(entry.dn, entry)  # one base DN may be below another
        return list(found.values())

    def _email(self, entry: Entry) -> str | None:
        email = next((text_of(value) for value in entry.values(self._email_attribute)), None)
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
        on_change=_write_change,
    )


def _write_change(before: RoleRules | None, after: RoleRules | None) -> None:
    if before != after:
        write_process_event(Event.ROLE_RULES_CHANGED, provider="ldap")
