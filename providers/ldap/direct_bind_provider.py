"""The LDAP provider where no account may search: who logs in binds at once, and is read as themselves."""

import re
from collections.abc import Iterator

from config.text import casefold_name
from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, WRONG_PASSWORD, Check, Denied, User
from providers.ldap.checks import Diagnosis
from providers.ldap.client.answers import Answer, Entry
from providers.ldap.client.dn import escape_value
from providers.ldap.client.filters import ANY
from providers.ldap.client.messages import BASE, SUBTREE
from providers.ldap.denial import bind_denial_reason
from providers.ldap.directory import Directory, UserSession
from providers.ldap.settings import LdapSettings, is_dn_template
from providers.ldap.user_entries import Accounts

# What a sAMAccountName cannot have, and what would lead to another domain.
_NO_ACCOUNT_NAME = re.compile(r'[@"/\\\[\]:;|=,+*?<>]')


class DirectBindProvider:
    """Asks a directory as the user. Thread-safe.

    It cannot tell an unknown user from a wrong password, and cannot look anybody up without their password.
    """

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE cannot be used. Nothing is asked of the directory yet."""
        self._settings = settings
        self._before, self._after = (settings.user_dn_template or "").split("{login}")
        self._by_dn = is_dn_template(settings.user_dn_template or "")
        self._accounts = Accounts(settings)
        self._directory = Directory(settings)

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user who can bind as LDAP_USER_DN_TEMPLATE has it, and fits LDAP_USER_FILTER."""
        if not password:  # RFC 4513 §5.1.2: without a password a bind succeeds, and proves nothing
            return Denied(WRONG_PASSWORD)
        account = self._accounts.account_name(login) if self._by_dn else self._windows_name(login)
        if account is None:
            return Denied(UNKNOWN_USER)
        name = f"{self._before}{escape_value(account) if self._by_dn else account}{self._after}"

        def read(answer: Answer, session: UserSession) -> User | Denied:
            reason = bind_denial_reason(answer)
            return Denied(reason) if reason else self._read(session, account, name)

        return self._directory.ask(lambda session: session.bound(name, password, read))

    def list_roles(self) -> frozenset[str]:
        """Return the roles of all rules."""
        return self._accounts.rules.list_roles()

    def check(self) -> Iterator[Check]:
        """Yield whether the servers can be reached; more nobody may see without a password."""
        return Diagnosis(self._settings, self._accounts, self._directory).network()

    def _windows_name(self, login: str) -> str | None:
        """Return the account's name alone, `None` if the login is of another domain."""
        name = self._accounts.account_name(login)
        folded, before, after = casefold_name(name), casefold_name(self._before), casefold_name(self._after)
        if folded.startswith(before) and folded.endswith(after) and len(folded) > len(before + after):
            name = name[len(before) : len(name) - len(after)]
        return None if _NO_ACCOUNT_NAME.search(name) else name

    def _read(self, session: UserSession, account: str, name: str) -> User | Denied:
        bases, scope = ((name,), BASE) if self._by_dn else ((), SUBTREE)
        entries = self._accounts.by_login(session, account, bases=bases, scope=scope)
        if len(entries) != 1:
            return Denied(AMBIGUOUS if entries else UNKNOWN_USER)
        if not self._by_dn and not _is_bound(session, entries[0]):
            return Denied(AMBIGUOUS)
        return self._accounts.user(entries[0], session) or Denied(DISABLED)


def _is_bound(session: UserSession, entry: Entry) -> bool:
    """Say whether it is this entry's account that is bound, and not one that only has a name in common with it.

    Active Directory tells who has bound by the SIDs of the root DSE ([MS-ADTS] §3.1.1.3.2.22).
    """
    told = session.search("", BASE, ANY, ["tokenGroups"])
    bound = {sid for root in told for sid in root.attributes.get("tokengroups", [])}
    return not bound.isdisjoint(entry.attributes.get("objectsid", []))  # a contact has none
