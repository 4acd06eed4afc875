"""The LDAP provider: search, bind, groups, roles."""

import secrets
from collections.abc import Mapping

from providers.interface import AMBIGUOUS, DISABLED, UNKNOWN_USER, WRONG_PASSWORD, Denied, User
from providers.ldap.accounts import Accounts
from providers.ldap.direct import DirectBindProvider
from providers.ldap.directory import Directory, Session
from providers.ldap.reasons import why_denied
from providers.ldap.settings import LdapSettings


def open_ldap(environ: Mapping[str, str]) -> "LdapProvider | DirectBindProvider":
    """Build the provider from the LDAP_ variables; ConfigurationError if they cannot be used."""
    settings = LdapSettings.read(environ)
    return DirectBindProvider(settings) if settings.bind_template else LdapProvider(settings)


class LdapProvider:
    """Asks a directory in which an account may search. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLES_FILE cannot be used. Nothing is asked of the directory yet."""
        self._decoys = settings.base_dn[0]
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
            return self._accounts.user(session, entry) if entry else None

        return self._directory.ask(ask)

    def _proven(self, session: Session, login: str, password: str) -> User | Denied:
        entries = self._accounts.by_login(session, login)
        entry = entries[0] if len(entries) == 1 else None
        # A name that nobody has takes a bind as well, so that the clock does not tell.
        reason = why_denied(session.bind(entry.dn if entry else self._decoy(), password))
        if entry is None:
            return Denied(AMBIGUOUS if entries else UNKNOWN_USER)
        return Denied(reason) if reason else self._accounts.user(session, entry) or Denied(DISABLED)

    def _decoy(self) -> str:
        return f"cn=decoy-{secrets.token_hex(8)},{self._decoys}"
