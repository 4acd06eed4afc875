"""The LDAP provider with a service account: search for the entry, bind as the user, read groups and roles."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from audit.operation import note
from config.errors import collect_errors
from providers.account_attributes import Effect, account_denial_reason, attribute_names
from providers.certificate_source import CertificateSource
from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Check, Denied, Explanation, User
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import BASE
from providers.ldap.client.responses import Entry
from providers.ldap.client.session import ServiceSession
from providers.ldap.denial import bind_denial_reason
from providers.ldap.denial_times import DenialTimes, LoginTimer
from providers.ldap.direct_bind_provider import DirectBindProvider
from providers.ldap.directory import Directory
from providers.ldap.hidden_members import hidden_members
from providers.ldap.role_rules_file import read_role_rules
from providers.ldap.rule_explanation import explain_rules
from providers.ldap.settings import LdapSettings
from providers.ldap.user_entries import UserEntries
from providers.ldap.usernames import MissingUsername


def open_ldap(environ: Mapping[str, str]) -> "SearchProvider | DirectBindProvider":
    """Return the provider that the LDAP_ variables configure. Raises ConfigurationError if they are invalid."""
    # The role rules are read here too, so that their problems are reported with those of the variables.
    path = environ.get("LDAP_ROLE_RULES_FILE", "").strip()
    settings, _ = collect_errors(
        lambda: LdapSettings.read(environ), lambda: read_role_rules(Path(path)) if path else None
    )
    return DirectBindProvider(settings) if settings.user_dn_template else SearchProvider(settings)


class SearchProvider(CertificateSource):
    """Authenticates users of a directory in which a service account, or an anonymous client, may search. Thread-safe.

    A method that needs the directory raises ProviderUnavailable if no server answers, or the service account cannot
    bind.
    """

    def __init__(self, settings: LdapSettings) -> None:
        """Raises ConfigurationError if LDAP_ROLE_RULES_FILE is invalid. Does not connect to the directory."""
        self._settings = settings
        self._entries = UserEntries(settings)
        self._directory = Directory(settings)
        self._denial_times = DenialTimes(settings.max_denial_seconds)

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user if the login means one entry, a bind as it succeeds, and no other entry has its username.

        Every denied login takes as long as a wrong password has taken lately.
        """
        if not password:  # a bind without a password succeeds for every user (RFC 4513 §5.1.2)
            return Denied(WRONG_PASSWORD)
        self._entries.require_role_rules()
        timer = self._denial_times.start()
        answer = self._directory.run(lambda session: self._verify_login(session, login, password, timer))
        if not answer:
            timer.wait()
        return answer

    def find(self, username: str) -> User | None:
        """Return the user with this username.

        Return `None` if the user is disabled, if the entry does not match LDAP_USER_FILTER, or if another entry has the
        same username.
        """

        def find_user(session: ServiceSession) -> User | None:
            entry = self._entries.by_username(session, username)
            return (self._entries.user(session, entry, Effect.SESSION) or None) if entry else None

        return self._directory.run(find_user)

    def has_username(self, username: str) -> bool:
        """Return whether any entry below LDAP_BASE_DN has this username, also one that is disabled or not a user."""
        return self._directory.run(lambda session: self._entries.has_username(session, username))

    def explain(self, login: str) -> Explanation:
        """Explain a login: the user or the denial reason, the groups, and the role rules."""
        return self._directory.run(lambda session: self._explain(session, login))

    def list_users(self) -> Iterator[User]:
        """Yield all users who match LDAP_USER_FILTER, have a username, and are not disabled."""
        for entry in self._directory.run(self._entries.all):
            if user := self._directory.run(partial(self._user_with_name, entry)):
                yield user

    def list_roles(self) -> frozenset[str]:
        """Return the roles of all role rules."""
        return self._entries.role_rules.list_roles()

    def check(self) -> Iterator[Check]:
        """Yield the checks of the network and of the directory's content. The service account binds at most once."""
        from providers.ldap.checks import check_directory

        return check_directory(self._settings, self._entries, self._directory)

    def certificates(self) -> Iterator[tuple[str, float]]:
        """Yield when the certificates of the servers and of the settings expire, as defined by `CertificateSource`."""
        return self._directory.certificates()

    def _verify_login(self, session: ServiceSession, login: str, password: str, timer: LoginTimer) -> User | Denied:
        timer.restart()
        entries = self._entries.by_login(session, login)
        entry = entries[0] if len(entries) == 1 else None
        username = self._entries.username(entry) if entry else None  # without one, it is an error for every password
        if username:
            note(account=username)
        # An unknown user causes a bind too, so that it needs the same connections as a wrong password.
        reason = bind_denial_reason(session.bind(entry.dn if entry else self._decoy_dn(), password))
        if entry is None:
            return Denied(AMBIGUOUS if entries else UNKNOWN_USER)
        if reason in {None, WRONG_PASSWORD}:
            timer.record(entry.dn, refused=reason is not None)
        if reason is None and not self._entries.owns_username(session, entry):
            reason = AMBIGUOUS
        return Denied(reason, username) if reason else self._entries.user(session, entry, Effect.LOGIN)

    def _decoy_dn(self) -> str:
        return f"cn=decoy-{secrets.token_hex(8)},{self._settings.base_dn[0]}"

    def _user_with_name(self, entry: Entry, session: ServiceSession) -> User | None:
        with suppress(MissingUsername):
            return self._entries.user(session, entry, Effect.LOGIN) or None
        return None

    def _explain(self, session: ServiceSession, login: str) -> Explanation:
        entries = self._entries.by_login(session, login)
        if len(entries) != 1:
            return Explanation(None, AMBIGUOUS if entries else UNKNOWN_USER, _record(entries))
        (entry,) = entries
        if not self._entries.owns_username(session, entry):
            return Explanation(None, AMBIGUOUS, _record(self._entries.holders(session, entry)))
        username, find_groups = self._entries.username(entry), self._entries.groups.memberships
        groups = find_groups(session, entry, username)
        nested_groups = find_groups(session, entry, username, nested=True)
        find_hidden = partial(hidden_members, global_catalog=self._settings.uses_global_catalog)
        rules = explain_rules(
            self._entries.role_rules,
            session,
            username,
            groups,
            nested_groups,
            find_hidden=find_hidden if self._settings.active_directory else None,
        )
        states = session.search(entry.dn, BASE, ANY_ENTRY, attribute_names(Effect.EXPLANATION))
        reason: str | None = UNKNOWN_USER  # an entry that has just been deleted has no values
        if states:
            reason = account_denial_reason(states[0].all_texts, datetime.now(UTC), Effect.EXPLANATION)
        user = None if reason else self._entries.user_in_groups(session, entry, groups)
        return Explanation(user, reason, entry.dn, tuple(groups), tuple(rules))


def _record(entries: list[Entry]) -> str | None:
    return " and ".join(entry.dn for entry in entries) or None
