"""Users in an SQL table."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from database.engine import open_engine
from database.outages import DatabaseUnavailable
from database.users import UserTable
from providers.interface import Denied, ProviderUnavailable, User
from providers.stored_users import as_user, judge


def open_database(environ: Mapping[str, str]) -> "DatabaseProvider":
    """Build the provider from DATABASE_URL; ConfigurationError if it cannot be used."""
    return DatabaseProvider(UserTable(open_engine(environ)))


class DatabaseProvider:
    """Asks the user table. Thread-safe."""

    def __init__(self, table: UserTable) -> None:
        self._table = table

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the active user with this username or e-mail address, if the password is theirs."""
        with _raising_provider_unavailable():
            matches = self._table.matching(login)
        return judge(matches, password)

    def find(self, username: str) -> User | None:
        """Return the active user of this name as the table has them now."""
        with _raising_provider_unavailable():
            return as_user(self._table.find(username))


@contextmanager
def _raising_provider_unavailable() -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailable as error:
        raise ProviderUnavailable(f"database: {error}") from error
