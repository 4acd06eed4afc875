"""The LDAP provider: search, bind, groups, roles."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from config.errors import collect_errors
from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, WRONG_PASSWORD, Check, Denied, Explanation, User
from providers.ldap.checks import Diagnosis
from providers.ldap.client.filters import ANY
from providers.ldap.client.messages import BASE
from providers.ldap.denial import ACCOUNT_ATTRIBUTES, STATE_ATTRIBUTES, account_denial_reason, bind_denial_reason
from providers.ldap.direct_bind_provider import DirectBindProvider
from providers.ldap.directory import Directory, Session
from providers.ldap.role_rules_file import read_rules
from providers.ldap.rule_explanation import RuleExplainer
from providers.ldap.settings import LdapSettings
from providers.ldap.user_entries import Accounts, MissingUsername


def open_ldap(environ: Mapping[str, str]) -> "LdapProvider | DirectBindProvider":
    """Build the provider from the LDAP_ variables; ConfigurationError if they cannot be used."""
    # The file is read for its problems here, so that they are told with those of the variables.
    rules = environ.get("LDAP_ROLE_RULES_FILE", "").strip()
    settings, _ = collect_errors(lambda: LdapSettings.read(environ), lambda: read_rules(Path(rules)) if rules else None)
    return DirectBindProvider(settings) if settings.user_dn_template else LdapProvider(settings)


class LdapProvider:
    """Asks a directory in which an account may search. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE cannot be used. Nothing is asked of the directory yet."""
        self._settings = settings
        self._accounts = Accounts(settings)
        self._directory = Directory(settings)

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user whose entry alone matches `login`, if a bind with the password succeeds."""
        if not password:  # RFC 4513 §5.1.2: without a password a bind succeeds, and proves nothing
            return Denied(WRONG_PASSWORD)
        return self._directory.ask(lambda session: self._proven(session, login, password))

    def find(self, username: str) -> User | None:
        """Return the user of this name as the directory has them now.

        What LDAP_USER_FILTER demands besides the login is demanded here too.
        """

        def ask(session: Session) -> User | None:
            entry = self._accounts.by_username(session, username)
            return self._accounts.user(entry, session) if entry else None

        return self._directory.ask(ask)

    def explain(self, login: str) -> Explanation:
        """Return what the directory knows of the user whom `login` means, and what became of each rule."""
        return self._directory.ask(lambda session: self._explained(session, login))

    def list_users(self) -> Iterator[User]:
        """Yield everybody who fits LDAP_USER_FILTER, has a name, and is not disabled."""
        for entry in self._directory.ask(self._accounts.everyone):
            with suppress(MissingUsername):
                if user := self._directory.ask(partial(self._accounts.user, entry)):
                    yield user

    def list_roles(self) -> frozenset[str]:
        """Return the roles of all rules."""
        return self._accounts.rules.list_roles()

    def check(self) -> Iterator[Check]:
        """Yield what there is from the name of the server to the groups of the rules, with one bind in all."""
        return Diagnosis(self._settings, self._accounts, self._directory).steps()

    def _explained(self, session: Session, login: str) -> Explanation:
        entries = self._accounts.by_login(session, login)
        record = " and ".join(entry.dn for entry in entries) or None
        if len(entries) != 1:
            return Explanation(None, AMBIGUOUS if entries else UNKNOWN_USER, record)
        username = self._accounts.username(entries[0])
        groups = self._accounts.groups
        counted, every = (groups.of(session, entries[0], username, nested=nested) for nested in (None, True))
        verdicts = RuleExplainer(session, username, counted, every).of(self._accounts.rules)
        told = session.search(entries[0].dn, BASE, ANY, (*ACCOUNT_ATTRIBUTES, *STATE_ATTRIBUTES))
        reason = account_denial_reason(told[0], datetime.now(UTC)) if told else None
        user = None if reason else self._accounts.with_roles(entries[0], counted)
        return Explanation(user, reason, record, tuple(counted), tuple(verdicts))

    def _proven(self, session: Session, login: str, password: str) -> User | Denied:
        entries = self._accounts.by_login(session, login)
        entry = entries[0] if len(entries) == 1 else None
        # A name that nobody has takes a bind as well, so that the clock does not tell.
        reason = bind_denial_reason(session.bind(entry.dn if entry else self._decoy(), password))
        if entry is None:
            return Denied(AMBIGUOUS if entries else UNKNOWN_USER)
        return Denied(reason) if reason else self._accounts.user(entry, session) or Denied(DISABLED)

    def _decoy(self) -> str:
        return f"cn=decoy-{secrets.token_hex(8)},{self._settings.base_dn[0]}"
