"""The LDAP provider: search, bind, groups, roles."""

import logging
import secrets
from collections.abc import Mapping

from config.names import accept_name, fold
from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Denied, ProviderUnavailable, User
from providers.ldap.directory import Directory, Entry, Session
from providers.ldap.dn import DN, parse_dn
from providers.ldap.filters import fill, fill_any
from providers.ldap.settings import LdapSettings

log = logging.getLogger(__name__)


def open_ldap(environ: Mapping[str, str]) -> "LdapProvider":
    """Build the provider from the LDAP_ variables; ConfigurationError if they cannot be used."""
    return LdapProvider(LdapSettings.read(environ))


class LdapProvider:
    """Asks a directory. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self._directory = Directory(settings)
        self._roles: dict[DN | None, list[str]] = {parse_dn(group): roles for group, roles in settings.role_map.items()}

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user whose entry alone matches `login`, if a bind with the password succeeds."""
        with self._directory.service_session() as session:
            entries = self._search(session, fill(self._settings.user_filter, login=login))
            entry = entries[0] if len(entries) == 1 else None
            # A name that nobody has takes a bind as well, so that the clock does not tell.
            proven = self._directory.proves(entry.dn if entry else self._decoy(), password)
            if entry is None:
                return Denied(AMBIGUOUS if entries else UNKNOWN_USER)
            return self._user(session, entry) if proven else Denied(WRONG_PASSWORD)

    def find(self, username: str) -> User | None:
        """Return the user of this name as the directory has them now.

        What LDAP_USER_FILTER demands besides the login is demanded here too.
        """
        named = fill(f"({self._settings.username_attribute}={{username}})", username=username)
        with self._directory.service_session() as session:
            entries = self._search(session, f"(&{named}{fill_any(self._settings.user_filter, 'login')})")
            if len(entries) != 1:
                return None
            user = self._user(session, entries[0])
            # The name may be another value of the attribute than the one that is the username.
            return user if fold(user["username"]) == fold(username) else None

    def _search(self, session: Session, search_filter: str) -> list[Entry]:
        attributes = [self._settings.username_attribute, self._settings.email_attribute, "memberOf"]
        entries = session.search(self._settings.base_dn, search_filter, attributes, at_most=2)
        if not all(entry.first(self._settings.username_attribute) for entry in entries):
            raise ProviderUnavailable("ldap: an entry lacks LDAP_USERNAME_ATTRIBUTE")
        return entries

    def _decoy(self) -> str:
        return f"cn=decoy-{secrets.token_hex(8)},{self._settings.base_dn}"

    def _user(self, session: Session, entry: Entry) -> User:
        username = str(entry.first(self._settings.username_attribute))
        roles = self._roles_of(self._groups(session, entry, username))
        return User(username=username, email=self._email(entry), roles=roles)

    def _email(self, entry: Entry) -> str | None:
        email = entry.first(self._settings.email_attribute)
        try:
            return accept_name(email) if email else None
        except ValueError as error:
            log.warning("an entry's LDAP_EMAIL_ATTRIBUTE is left out: %s", error)
            return None

    def _groups(self, session: Session, entry: Entry, username: str) -> list[str]:
        base = self._settings.group_base_dn
        if base is None:
            return entry.attributes.get("memberof", [])
        search_filter = fill(self._settings.group_filter, dn=entry.dn, username=username)
        return [group.dn for group in session.search(base, search_filter, ["1.1"])]

    def _roles_of(self, groups: list[str]) -> list[str]:
        return sorted({role for group in groups for role in self._roles.get(_comparable(group), [])})


def _comparable(group: str) -> DN | None:
    try:
        return parse_dn(group)
    except ValueError:  # a name that LDAP_ROLE_MAP cannot have either
        return None
