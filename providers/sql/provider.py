"""The provider `database`: users in the user table of DATABASE_URL."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from time import monotonic

from config.errors import translate_errors
from config.outage_log import OutageLog
from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.errors import DatabaseUnavailable, PoolExhausted
from database.user_filter import UserFilter
from database.user_row import UserRow
from database.user_table import UserTable
from passwords.hashing import upgraded_hash, verify_password
from providers.decoys import Decoys
from providers.interface import Check, Denied, Explanation, Overloaded, ProviderUnavailable, User
from providers.stored_users import authenticate, credential_stamp, explain_matches, to_user, users_able_to_log_in

log = logging.getLogger(__name__)

DECOY_LIFETIME = 60.0  # seconds
DECOY_SAMPLE_SIZE = 256
"""The number of stored hashes from which the decoys for unknown users are chosen."""
LAST_LOGIN_PRECISION = timedelta(hours=1)
"""The minimum time between two updates of a user's `last_login_at`, so that few logins write to the database."""


def open_database(environ: Mapping[str, str]) -> "DatabaseProvider":
    """Return the provider for DATABASE_URL. Raises ConfigurationError if the URL is invalid."""
    return DatabaseProvider(UserTable(open_engine(DatabaseSettings.read(environ))))


class DatabaseProvider:
    """Authenticates the users in the user table. Thread-safe."""

    def __init__(self, table: UserTable) -> None:
        self._table = table
        self._outages = OutageLog(log)
        self._decoys = Decoys([])
        self._sampled_at = -float("inf")

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the active user with this username or email if the password is right."""
        with _translate_errors():
            decoys = self._current_decoys()
            row = self._table.find_by_login(login)
            answer = authenticate([row] if row else [], login, password, decoys)
        if row and answer:
            answer["credential_stamp"] = credential_stamp(self._record_login(row, password))
        return answer

    def _current_decoys(self) -> Decoys:
        """Return the decoys. Any login may read them again, so the time does not show whether its user exists."""
        now = monotonic()
        if now - self._sampled_at > DECOY_LIFETIME:
            self._decoys = Decoys(self._table.sample_hashes(DECOY_SAMPLE_SIZE))
            self._sampled_at = now
        return self._decoys

    def find(self, username: str) -> User | None:
        """Return the user with this username; `None` if the user does not exist or is disabled."""
        with _translate_errors():
            return to_user(self._table.find(username))

    def has_username(self, username: str) -> bool:
        """Return whether the table has this username, even if the user is disabled."""
        with _translate_errors():
            return self._table.find(username) is not None

    def check(self) -> Iterator[Check]:
        """Yield the findings about the table."""
        from providers.sql.checks import check_user_table

        return check_user_table(self._table)

    def explain(self, login: str) -> Explanation:
        """Explain a login with this username or email."""
        with _translate_errors():
            row = self._table.find_by_login(login)
            return explain_matches([row] if row else [], _describe)

    def list_users(self) -> Iterator[User]:
        """Yield the users who can log in, from one snapshot of the table."""
        with _translate_errors():
            yield from users_able_to_log_in(self._table.iterate(UserFilter(active=True, sort="created")))

    def list_roles(self) -> frozenset[str]:
        """Return all roles in the user table."""
        with _translate_errors():
            return self._table.role_names()

    def _record_login(self, row: UserRow, password: str) -> str:
        """Upgrade a weak hash, and record the time of the login. Return the hash of this password that is stored now.

        An error is only logged: the login succeeds.
        """
        now = datetime.now(UTC)
        try:
            upgraded = upgraded_hash(password, row.password_hash)
            if upgraded or row.last_login_at is None or now - row.last_login_at > LAST_LOGIN_PRECISION:
                stored = upgraded or row.password_hash
                stamps = (credential_stamp(row.password_hash), credential_stamp(stored)) if upgraded else None
                if not self._table.record_login(row, now, stored, stamps):
                    return self._replaced_hash(row, password)
                if upgraded:
                    log.info("a weak password hash was upgraded")
                return stored
        except (DatabaseUnavailable, Overloaded) as error:
            self._outages.warning("a login could not be recorded: %s", str(error) or type(error).__name__)
        return row.password_hash

    def _replaced_hash(self, row: UserRow, password: str) -> str:
        """Return the hash with which a concurrent login has replaced that of `row`.

        If it is the hash of another password, return the one of `row`: the session of this login ends when it is
        refreshed.
        """
        current = self._table.get(row.id)
        is_upgrade = current is not None and verify_password(password, current.password_hash)
        return current.password_hash if current and is_upgrade else row.password_hash


def _describe(row: UserRow) -> str:
    return f"id {row.id} in the user table"


def _translate_errors() -> AbstractContextManager[None]:
    return translate_errors(DatabaseUnavailable, to=_provider_error)


def _provider_error(error: DatabaseUnavailable) -> Exception:
    return (Overloaded if isinstance(error, PoolExhausted) else ProviderUnavailable)(str(error))
