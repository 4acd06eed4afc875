"""A database that can become unavailable and available again."""

from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support.stores import engine_of


class Database:
    """A database of either kind, with tables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._name = make_url(url).database or ""

    def make_unavailable(self) -> None:
        """Close its connections, and reject new ones."""
        if self.url.startswith("postgres"):
            self._allow_connections(allowed=False)
        else:
            Path(self._name).rename(f"{self._name}.moved")
            Path(self._name).mkdir()
            engine_of({"DATABASE_URL": self.url}).dispose()

    def make_available(self) -> None:
        if self.url.startswith("postgres"):
            self._allow_connections(allowed=True)
        else:
            Path(self._name).rmdir()
            Path(f"{self._name}.moved").rename(self._name)

    def _allow_connections(self, *, allowed: bool) -> None:
        with psycopg.connect(self.url.removesuffix(self._name) + "postgres", autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{self._name}" WITH ALLOW_CONNECTIONS {allowed}'.encode())
            if not allowed:
                terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(terminate, [self._name])
