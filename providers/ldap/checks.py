"""The doctor's checks of a directory: from the network to the groups of the role rules."""

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from time import monotonic

from providers.interface import Check
from providers.ldap.attribute_checks import check_attributes
from providers.ldap.client.errors import BindRequired, IncompleteResult, LdapError
from providers.ldap.client.failover import Server
from providers.ldap.client.filters import ANY_ENTRY, all_of, presence
from providers.ldap.client.protocol import BASE, DN_ONLY, SUBTREE
from providers.ldap.client.responses import Entry
from providers.ldap.client.session import ServiceSession
from providers.ldap.compat_tree import accounts_base, is_compat_base
from providers.ldap.connection_diagnosis import Finding
from providers.ldap.directory import Directory
from providers.ldap.group_dns import dn_problem
from providers.ldap.network_checks import check_certificate_files, check_server, run_check, with_remedy
from providers.ldap.records import CHANGE_ATTRIBUTES, ID_ATTRIBUTES, RECORD_ATTRIBUTES
from providers.ldap.remedies import Remedies
from providers.ldap.role_rules import Group, excluded_groups, positive_groups
from providers.ldap.settings import LdapSettings
from providers.ldap.user_entries import UserEntries

_ACTIVE_DIRECTORY_OID = "1.2.840.113556.1.4.800"  # in supportedCapabilities ([MS-ADTS] §3.1.1.3.4.3.1)

_MAX_COMPARED = 20_000  # entries; a large directory must not delay the other checks

# The partitions of Active Directory that every domain refers to ([MS-ADTS] §6.1.1.1).
_NO_USERS = re.compile(r"/(CN=Configuration|DC=(Domain|Forest)DnsZones),", re.IGNORECASE)

_SAMPLE_SIZE = 200  # users whose attributes are read

_FIX_ATTRIBUTES = "Set LDAP_USERNAME_ATTRIBUTE to an attribute of the users; without it no user can log in"
_FIX_PARTS = "Let LDAP_URL name servers that have all users, such as the global catalog of Active Directory"


def check_network(settings: LdapSettings, directory: Directory) -> Generator[Check, None, Server | None]:
    """Yield the checks of all servers. Return the first usable server; `None` if no server is usable."""
    yield from check_certificate_files(settings)
    first = None
    for server in directory.servers:
        is_usable = yield from check_server(server.address, settings, directory.tls)
        if is_usable and first is None:
            first = server
    return first


def check_directory(settings: LdapSettings, entries: UserEntries, directory: Directory) -> Iterator[Check]:
    """Yield all checks. End after a failure that makes further checks pointless.

    The service account binds at most once.
    """
    server = yield from check_network(settings, directory)
    if server is not None:
        yield from _ContentChecks(settings, entries, server).run()


class _ContentChecks:
    """Checks the entries that the service account can read on one server."""

    def __init__(self, settings: LdapSettings, entries: UserEntries, server: Server) -> None:
        self._settings = settings
        self._entries = entries
        self._server = server
        self._remedies = Remedies(settings)

    def run(self) -> Iterator[Check]:
        remedies = self._remedies
        fix_users = with_remedy(remedies.of_users)
        yield (bind := run_check("service bind", self._bind, with_remedy(remedies.of_bind)))
        if bind.outcome == "failure":
            return
        yield run_check("kind of directory", self._kind, with_remedy(remedies.of_bind))
        yield (attributes := run_check("attributes", self._attributes, with_remedy(lambda _: _FIX_ATTRIBUTES)))
        if attributes.outcome == "failure":
            return
        for base in self._settings.base_dn:
            fix_base = with_remedy(partial(remedies.of_base, variable="LDAP_BASE_DN"))
            yield (found := run_check(f"base DN {base}", partial(self._base, base), fix_base))
            if found.outcome == "failure":
                return
            yield from self._references(base)
            yield run_check("users", partial(self._users, base), fix_users)
        yield run_check("usernames", self._usernames, fix_users)
        yield run_check("sessions", self._sessions, fix_users)
        fix_groups = with_remedy(partial(remedies.of_base, variable="LDAP_GROUP_BASE_DN"))
        yield run_check("groups", self._groups, fix_groups if self._settings.group_base_dn else fix_users)
        yield run_check("rules", self._rules, with_remedy(remedies.of_rules))

    def _attributes(self) -> Finding:
        return check_attributes(self._settings, self._session())

    def _session(self) -> ServiceSession:
        return ServiceSession(self._server, monotonic() + self._settings.timeout_seconds)

    def _bind(self) -> Finding:
        self._root_dse()
        if self._settings.bind_dn:
            return f"bound as {self._settings.bind_dn}", None
        try:
            self._session().search(self._settings.base_dn[0], BASE, ANY_ENTRY, DN_ONLY)
        except BindRequired:
            raise
        except LdapError:  # the check of the base DN reports it
            pass
        return "anonymous", None

    def _root_dse(self) -> Entry:
        attributes = ["supportedCapabilities", "vendorName", "vendorVersion"]
        found = self._session().search("", BASE, ANY_ENTRY, attributes)
        return found[0] if found else Entry("", {})

    def _kind(self) -> Finding:
        root = self._root_dse()
        is_active_directory = _ACTIVE_DIRECTORY_OID in root.texts("supportedCapabilities")
        if is_active_directory and not self._settings.active_directory:
            return "Active Directory", "Set LDAP_ACTIVE_DIRECTORY=true to use its login names and primary groups"
        if self._settings.active_directory and not is_active_directory:
            return "not Active Directory", "Unset LDAP_ACTIVE_DIRECTORY"
        return "Active Directory" if is_active_directory else root.first("vendorName") or "a standard directory", None

    def _require_entry(self, dn: str) -> None:
        if not self._session().search(dn, BASE, ANY_ENTRY, DN_ONLY):
            raise LdapError(f"{dn} does not exist, or {self._remedies.account} may not read it")

    def _base(self, base: str) -> Finding:
        self._require_entry(base)
        if is_compat_base(base):
            found = "FreeIPA's compatibility tree: its entries have no groups, and do not show disabled accounts"
            return found, "Set LDAP_BASE_DN to the DN that begins with cn=users,cn=accounts"
        return "exists", None

    def _users(self, base: str) -> Finding:
        user_filter, session = self._entries.user_filter, self._session()
        if not session.search(base, SUBTREE, user_filter, DN_ONLY, 1):
            change = f"{'Correct' if self._settings.user_filter else 'Set'} LDAP_USER_FILTER, correct LDAP_BASE_DN"
            remedy = f"{change}, or {self._remedies.grant('read access to the users')}"
            return f"no entry below {base} matches {self._remedies.user_filter}", remedy
        attribute = self._settings.name_attribute
        without_name = all_of(user_filter, f"(!{presence(attribute)})")
        if session.search(base, SUBTREE, without_name, DN_ONLY, 1):
            remedy = "Choose an LDAP_USERNAME_ATTRIBUTE that all users have, or require it in LDAP_USER_FILTER"
            return f"an entry that matches {self._remedies.user_filter} has no {attribute}", remedy
        # A filter with an attribute that the account may not search matches no entry, not even in a negation.
        with_name = all_of(user_filter, presence(attribute))
        sample = session.search(base, SUBTREE, user_filter, [attribute], _SAMPLE_SIZE)
        if not all(entry.values(attribute) for entry in sample):
            who, which = self._remedies.account, self._remedies.user_filter
            raise LdapError(f"{who} may not read {attribute} of an entry that matches {which}")
        if not session.search(base, SUBTREE, with_name, DN_ONLY, 1):
            raise LdapError(f"{self._remedies.account} may not search for {attribute}")
        return f"users exist, and all have the attribute {attribute}", None

    def _usernames(self) -> Finding:
        entries, limit = self._named()
        holders = self._entries.by_key(entries)
        shared = next((entries for key, entries in holders.items() if key and len(entries) > 1), None)
        if shared:
            return _shared_username([entry.dn for entry in shared])
        who, attribute = self._remedies.account, self._settings.name_attribute
        if not holders:
            # To other providers of a chain it would seem that no username is in use here.
            raise LdapError(f"{who} finds no {attribute} below LDAP_BASE_DN, so no user can log in")
        if None in holders:
            found = f"not all usernames can be compared: {who} may not read them, or they are invalid"
            return found, self._remedies.of_users(LdapError())
        count = sum(map(len, holders.values()))
        if limit:
            return f"no username occurs twice in the first {count} entries: {limit}", self._remedies.of_users(limit)
        if count >= _MAX_COMPARED:
            found = f"no username occurs twice in the first {count} entries; the others were not compared"
            return found, "Search the directory for further users with the same username: they cannot log in"
        return "no username occurs twice", None

    def _named(self) -> tuple[Sequence[Entry], IncompleteResult | None]:
        """Return the entries with a username, and the limit of the server that ended the search."""
        try:
            return self._entries.named(self._session(), _MAX_COMPARED), None
        except IncompleteResult as error:
            return error.entries, error

    def _references(self, base: str) -> Iterator[Check]:
        """Yield a check if other servers have entries below the base DN. Their users cannot log in."""
        urls: list[str] = []
        with suppress(LdapError):  # the next check reports it
            urls = [url for url in self._session().references(base) if not _NO_USERS.search(url)]
        if urls:
            yield Check(f"base DN {base}", "warning", f"other servers have a part of it: {', '.join(urls)}", _FIX_PARTS)

    def _sessions(self) -> Finding:
        user_filter, bases = self._entries.user_filter, self._settings.base_dn
        found = (self._session().search(base, SUBTREE, user_filter, RECORD_ATTRIBUTES, _SAMPLE_SIZE) for base in bases)
        present = {name for entries in found for entry in entries for name in entry.attributes}
        identifiers, changes = (_first_present(names, present) for names in (ID_ATTRIBUTES, CHANGE_ATTRIBUTES))
        if identifiers is None:
            nothing = "no user has an attribute such as entryUUID, so a new entry can continue an old session"
            return nothing, self._remedies.read_one_of(ID_ATTRIBUTES)
        if changes is None:
            nothing = "no user has an attribute that changes with the password, so a new password ends no session"
            return nothing, self._remedies.read_one_of(CHANGE_ATTRIBUTES)
        return f"they end with the entry ({identifiers}), and with a new password ({changes})", None

    def _groups(self) -> Finding:
        if self._settings.group_base_dn:
            for base in self._settings.group_base_dn:
                self._require_entry(base)
            return "searched below LDAP_GROUP_BASE_DN", None
        members, session = all_of(self._entries.user_filter, presence("memberOf")), self._session()
        if any(session.search(base, SUBTREE, members, DN_ONLY, 1) for base in self._settings.base_dn):
            return "read from the attribute memberOf of the users", None
        return "no user has the attribute memberOf", "Set LDAP_GROUP_BASE_DN, or enable memberOf in the directory"

    def _rules(self) -> Finding:
        rules = self._entries.role_rules
        if not rules.list_roles():
            return "none, so no user has a role", "Set LDAP_ROLE_RULES_FILE or LDAP_ROLE_MAP"
        excluded = self._group_problems(
            (group for rule in rules.rules for group in excluded_groups(rule.condition)), excluded=True
        )
        if excluded:
            raise LdapError(f"the exclusion of these groups has no effect: {excluded}")
        required = self._group_problems(group for rule in rules.rules for group in positive_groups(rule.condition))
        if required:
            return f"membership in these groups has no effect: {required}", self._remedies.of_rules()
        return f"{len(rules.rules)} rules, for the roles {', '.join(sorted(rules.list_roles()))}", None

    def _group_problems(self, groups: Iterable[Group], *, excluded: bool = False) -> str:
        distinct = {group.key: group for group in groups}.values()
        problems = ((group.label, dn_problem(self._session(), group.dn, excluded=excluded)) for group in distinct)
        return "; ".join(f"{label} {problem}" for label, problem in problems if problem)


def _shared_username(dns: list[str]) -> Finding:
    """Return what a username of several entries means."""
    found = f"several entries have the same username: {' and '.join(dns)}"
    if base := accounts_base(dns):
        return found, f"Set LDAP_BASE_DN={base}: FreeIPA shows each user again below cn=compat, so no user can log in"
    return found, "Rename all but one of them, or narrow LDAP_BASE_DN: they cannot log in"


def _first_present(names: Iterable[str], present: AbstractSet[str]) -> str | None:
    """Return the first name that is in `present`, whose names are in lower case."""
    return next((name for name in names if name.lower() in present), None)
