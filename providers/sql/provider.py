"""Users in an SQL table."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial

from config.errors import translate_errors
from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.errors import DatabaseUnavailable
from database.user_filter import UserFilter
from database.user_row import UserRow
from database.user_table import UserTable
from passwords.hashing import upgraded_hash
from providers.interface import Check, Denied, Explanation, Overloaded, ProviderUnavailable, User
from providers.sql.checks import check_user_table
from providers.stored_users import explain_stored, judge, to_user, users_able_to_log_in

log = logging.getLogger(__name__)

NOTED = timedelta(hours=1)
"""How exact `last_login_at` is, so that few logins need to write."""


def open_database(environ: Mapping[str, str]) -> "DatabaseProvider":
    """Build the provider from DATABASE_URL; ConfigurationError if it cannot be used."""
    return DatabaseProvider(UserTable(open_engine(DatabaseSettings.read(environ))))


class DatabaseProvider:
    """Asks the user table. Thread-safe."""

    def __init__(self, table: UserTable) -> None:
        self._table = table

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the active user with this username or e-mail address, if the password is theirs."""
        with _translate_errors():
            matches = self._table.find_by_login(login)
            # Hashes that came from elsewhere take another time than ours: a stranger takes that of one of them.
            answer = judge(matches, password, decoy=partial(self._table.decoy_hash, login))
        if answer:
            self._note_login(matches[0], password)
        return answer

    def find(self, username: str) -> User | None:
        """Return the active user of this name as the table has them now."""
        with _translate_errors():
            return to_user(self._table.find(username))

    def check(self) -> Iterator[Check]:
        """Yield what is to be said of the table."""
        return check_user_table(self._table)

    def explain(self, login: str) -> Explanation:
        """Return what this username or e-mail address would give."""
        with _translate_errors():
            return explain_stored(self._table.find_by_login(login), _place_of)

    def list_users(self) -> Iterator[User]:
        """Yield everybody who could log in, as they were at one moment."""
        with _translate_errors():
            yield from users_able_to_log_in(self._table.iterate(UserFilter(active=True, sort="created")))

    def list_roles(self) -> frozenset[str]:
        """Return every role that the table knows."""
        with _translate_errors():
            return self._table.role_names()

    def _note_login(self, row: UserRow, password: str) -> None:
        """Replace a weaker hash while the password is at hand, and note the time. The login does not depend on it."""
        now = datetime.now(UTC)
        try:
            stronger = upgraded_hash(password, row.password_hash)
            if stronger or row.last_login_at is None or now - row.last_login_at > NOTED:
                noted = self._table.record_login(row, now, stronger or row.password_hash)
                if stronger and noted:
                    log.info("a weaker password hash was replaced")
        except (DatabaseUnavailable, Overloaded) as error:
            log.warning("a login could not be noted: %s", str(error) or type(error).__name__)


def _place_of(row: UserRow) -> str:
    return f"id {row.id} in the user table"


def _translate_errors() -> AbstractContextManager[None]:
    return translate_errors(DatabaseUnavailable, to=lambda error: ProviderUnavailable(str(error)))
