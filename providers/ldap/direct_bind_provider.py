"""The LDAP provider without a service account: it binds as the user, and reads the user's entry in that bind."""

import re
from collections.abc import Iterator

from ldap3.core.results import RESULT_INSUFFICIENT_ACCESS_RIGHTS, RESULT_NO_SUCH_OBJECT

from config.text import casefold_name
from providers.account_attributes import Effect
from providers.certificate_source import CertificateSource
from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Check, Denied, User
from providers.ldap.client.dn import escape_dn_value
from providers.ldap.client.errors import SearchFailed
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import BASE, SUBTREE
from providers.ldap.client.responses import Entry, Response
from providers.ldap.client.session import ServiceSession, UserSession
from providers.ldap.denial import bind_denial_reason
from providers.ldap.denial_times import DenialTimes
from providers.ldap.directory import Directory
from providers.ldap.records import is_same_record
from providers.ldap.settings import LdapSettings
from providers.ldap.user_entries import UserEntries

# Characters that a sAMAccountName cannot have, or that would select another domain.
_INVALID_ACCOUNT_NAME = re.compile(r'[@"/\\\[\]:;|=,+*?<>]')
# The result codes of a search below LDAP_BASE_DN if the user has no rights there.
_MAY_NOT_SEARCH = {RESULT_INSUFFICIENT_ACCESS_RIGHTS, RESULT_NO_SUCH_OBJECT}


class DirectBindProvider(CertificateSource):
    """Authenticates users of a directory in which only they may read their entries. Thread-safe.

    It cannot distinguish an unknown user from a wrong password, and cannot find a user without their password.
    """

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE is invalid. Does not connect to the directory."""
        self._settings = settings
        self._prefix, self._suffix = (settings.user_dn_template or "").split("{login}")
        self._by_dn = settings.binds_by_dn
        self._entries = UserEntries(settings)
        self._directory = Directory(settings)
        self._denial_times = DenialTimes(settings.max_denial_seconds)

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user if a bind with LDAP_USER_DN_TEMPLATE succeeds, and their entry matches LDAP_USER_FILTER.

        The login is denied if the user may read another entry with the same username. Every login that the directory
        denies takes as long as others have taken lately: the directory answers sooner if no entry has the login.
        """
        if not password:  # a bind without a password succeeds for every user (RFC 4513 §5.1.2)
            return Denied(WRONG_PASSWORD)
        self._entries.require_role_rules()
        account = self._entries.account_name(login) if self._by_dn else self._windows_name(login)
        if account is None or not account.strip():  # the login is only a domain
            return Denied(UNKNOWN_USER)
        bind_name = f"{self._prefix}{escape_dn_value(account) if self._by_dn else account}{self._suffix}"

        timer = self._denial_times.start()

        def read_user(response: Response, session: UserSession) -> User | Denied:
            reason = bind_denial_reason(response)
            timer.record(casefold_name(bind_name), refused=reason is not None, exists=reason is None)
            return Denied(reason, account) if reason else self._read_user(session, account, bind_name)

        def bind(session: ServiceSession) -> User | Denied:
            timer.restart()
            return session.bind_and_run(bind_name, password, read_user)

        answer = self._directory.run(bind)
        if not answer:
            timer.wait()
        return answer

    def list_roles(self) -> frozenset[str]:
        """Return the roles of all role rules."""
        return self._entries.role_rules.list_roles()

    def check(self) -> Iterator[Check]:
        """Yield the checks of the network. All other checks would need the password of a user."""
        from providers.ldap.checks import check_network

        yield from check_network(self._settings, self._directory)

    def certificates(self) -> Iterator[tuple[str, float]]:
        """Yield when the certificates of the servers and of the settings expire, as defined by `CertificateSource`."""
        return self._directory.certificates()

    def _windows_name(self, login: str) -> str | None:
        """Return the account name without a domain; `None` if the login belongs to another domain."""
        name = self._entries.account_name(login)
        folded, prefix, suffix = casefold_name(name), casefold_name(self._prefix), casefold_name(self._suffix)
        if folded.startswith(prefix) and folded.endswith(suffix) and len(folded) > len(prefix + suffix):
            name = name[len(prefix) : len(name) - len(suffix)]
        return None if _INVALID_ACCOUNT_NAME.search(name) else name

    def _read_user(self, session: UserSession, account: str, bind_name: str) -> User | Denied:
        bases, scope = ((bind_name,), BASE) if self._by_dn else ((), SUBTREE)
        entries = self._entries.by_login(session, account, bases=bases, scope=scope)
        if len(entries) != 1:
            return Denied(AMBIGUOUS if entries else UNKNOWN_USER)
        if not self._by_dn and not _is_bound_account(session, entries[0]):
            return Denied(AMBIGUOUS)
        if self._has_rival(session, entries[0]):
            return Denied(AMBIGUOUS)
        return self._entries.user(session, entries[0], Effect.LOGIN)

    def _has_rival(self, session: UserSession, entry: Entry) -> bool:
        """Return whether the user may read another entry with the same username."""
        try:
            holders = self._entries.holders(session, entry)
        except SearchFailed as error:
            if error.code not in _MAY_NOT_SEARCH:
                raise
            return False
        return not all(is_same_record(holder, entry) for holder in holders)


def _is_bound_account(session: UserSession, entry: Entry) -> bool:
    """Return whether the session is bound as the account of this entry, and not as another account of the same name.

    The root DSE of Active Directory contains the SIDs of the bound account ([MS-ADTS] §3.1.1.3.2.22).
    """
    found = session.search("", BASE, ANY_ENTRY, ["tokenGroups"])
    sids = {sid for root in found for sid in root.attributes.get("tokengroups", [])}
    return not sids.isdisjoint(entry.attributes.get("objectsid", []))  # a contact has no SID
