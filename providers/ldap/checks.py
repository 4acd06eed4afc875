"""What the doctor finds in a directory: from the name of its server to the groups of the rules."""

from collections.abc import Iterator
from functools import partial
from time import monotonic

from providers.interface import Check, ProviderUnavailable
from providers.ldap.client.answers import Entry
from providers.ldap.client.filters import ANY, Filter, every
from providers.ldap.client.messages import BASE, SUBTREE
from providers.ldap.directory import Directory, Session
from providers.ldap.network_checks import Finding, authorities, reach, step
from providers.ldap.role_rules import Group
from providers.ldap.settings import LdapSettings
from providers.ldap.user_entries import Accounts

_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"  # in supportedCapabilities ([MS-ADTS] §3.1.1.3.4.3.1)


class Diagnosis:
    """Looks a directory over, as the service account, with no bind but that one."""

    def __init__(self, settings: LdapSettings, accounts: Accounts, directory: Directory) -> None:
        self._settings = settings
        self._accounts = accounts
        self._directory = directory

    def network(self) -> Iterator[Check]:
        """Yield whether the servers can be reached; `session` is with the first that can."""
        yield from authorities(self._settings)
        self._reachable = []
        for server in self._directory.servers:
            checks = []
            for check in reach(server.address, self._settings):
                checks.append(check)
                yield check
            if checks[-1].outcome != "failure":
                self._reachable.append(server)

    def steps(self) -> Iterator[Check]:
        """Yield everything, as long as there is a point in going on."""
        yield from self.network()
        if not self._reachable:
            return
        yield (bound := step("service bind", self._bind, _ACCOUNT))
        if bound.outcome == "failure":
            return
        yield step("kind of directory", self._kind, _ACCOUNT)
        for base in self._settings.base_dn:
            yield (found := step(f"base DN {base}", partial(self._base, base), _BASE))
            if found.outcome != "failure":
                yield step("users", partial(self._users, base), _BASE)
        yield step("groups", self._groups, "Correct LDAP_GROUP_BASE_DN")
        yield step("rules", self._rules, "Correct the rule")

    def _session(self) -> Session:
        return Session(self._reachable[0], monotonic() + self._settings.timeout_seconds)

    def _bind(self) -> Finding:
        self._root()
        return (f"bound as {self._settings.bind_dn}" if self._settings.bind_dn else "anonymous"), None

    def _root(self) -> Entry:
        wanted = ["supportedCapabilities", "vendorName", "vendorVersion"]
        found = self._session().search("", BASE, ANY, wanted)
        return found[0] if found else Entry("", {})

    def _kind(self) -> Finding:
        root = self._root()
        is_one = _ACTIVE_DIRECTORY in root.texts("supportedCapabilities")
        if is_one and not self._settings.active_directory:
            return "an Active Directory", "Set LDAP_ACTIVE_DIRECTORY=true, for its logins and primary groups"
        if self._settings.active_directory and not is_one:
            return "no Active Directory", "Leave LDAP_ACTIVE_DIRECTORY out"
        return "an Active Directory" if is_one else root.first("vendorName") or "a directory by the standards", None

    def _base(self, base: str) -> Finding:
        if not self._session().search(base, BASE, ANY, ["1.1"]):
            raise ProviderUnavailable("there is no such entry, or LDAP_BIND_DN may not see it")
        return "it is there", None

    def _users(self, base: str) -> Finding:
        everybody, session = self._accounts.everybody, self._session()
        if not session.search(base, SUBTREE, everybody, ["1.1"], 1):
            return "nobody below it fits LDAP_USER_FILTER", "Correct LDAP_USER_FILTER, or LDAP_BASE_DN"
        nameless = every(everybody, Filter(f"(!({self._settings.username}=*))").encode())
        if session.search(base, SUBTREE, nameless, ["1.1"], 1):
            advice = "Choose an LDAP_USERNAME_ATTRIBUTE that all have, or demand it in LDAP_USER_FILTER"
            return f"somebody fits LDAP_USER_FILTER and has no {self._settings.username}", advice
        return f"there are users, and all have a {self._settings.username}", None

    def _groups(self) -> Finding:
        session = self._session()
        for base in self._settings.group_base_dn:
            if not session.search(base, BASE, ANY, ["1.1"]):
                raise ProviderUnavailable(f"there is no {base}, or LDAP_BIND_DN may not see it")
        if self._settings.group_base_dn:
            return "they are searched below LDAP_GROUP_BASE_DN", None
        members = every(self._accounts.everybody, Filter("(memberOf=*)").encode())
        if any(session.search(base, SUBTREE, members, ["1.1"], 1) for base in self._settings.base_dn):
            return "users tell theirs by memberOf", None
        return "no user has memberOf", "Set LDAP_GROUP_BASE_DN, or have the directory keep memberOf"

    def _rules(self) -> Finding:
        rules = self._accounts.rules
        if not rules.list_roles():
            return "there are none, so nobody has a role", "Write LDAP_ROLE_RULES_FILE, or LDAP_ROLE_MAP"
        groups = {group.name: group for rule in rules.rules for group in rule.condition.groups()}
        missing = [group.label for group in groups.values() if not self.group(self._session(), group)]
        if missing:
            return f"no such group: {'; '.join(missing)}", "Correct the rules, or let LDAP_BIND_DN see these groups"
        return f"{len(rules.rules)} rules, for {', '.join(sorted(rules.list_roles()))}", None

    @staticmethod
    def group(session: Session, group: Group) -> Entry | None:
        """Return the entry of a rule's group, `None` if there is none to be seen."""
        return next(iter(session.search(group.dn, BASE, ANY, ["memberUid"])), None)


_ACCOUNT = "Check LDAP_BIND_DN and LDAP_BIND_PASSWORD, and whether the account is locked; it was tried once"
_BASE = "Correct LDAP_BASE_DN, or let LDAP_BIND_DN see it"
