"""A database that can be taken away and brought back."""

from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support.stores import engine_of


class Database:
    """One that has tables, of either kind."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._name = make_url(url).database or ""

    def take_away(self) -> None:
        """End the connections that it has, and refuse others."""
        if self.url.startswith("postgres"):
            self._admit(anybody=False)
        else:
            Path(self._name).rename(f"{self._name}.away")
            Path(self._name).mkdir()
            engine_of({"DATABASE_URL": self.url}).dispose()

    def bring_back(self) -> None:
        if self.url.startswith("postgres"):
            self._admit(anybody=True)
        else:
            Path(self._name).rmdir()
            Path(f"{self._name}.away").rename(self._name)

    def _admit(self, *, anybody: bool) -> None:
        with psycopg.connect(self.url.removesuffix(self._name) + "postgres", autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{self._name}" WITH ALLOW_CONNECTIONS {anybody}'.encode())
            if not anybody:
                end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                connection.execute(end, [self._name])
