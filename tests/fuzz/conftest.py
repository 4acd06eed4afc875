"""Fixtures: applications with the same users in all stores, or in those that need no server."""

from collections.abc import Iterator

import pytest

from tests.conftest import new_database
from tests.fuzz.fuzzed_services import FuzzedService, directory_environ, fuzzed_services, local_environs
from tests.servers.slapd import slapd
from tests.support.stores import cheapest_hash, user_table
from tests.support.users import SAMPLE_USERS


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[list[FuzzedService]]:
    """An application with each store: a users file, SQLite, PostgreSQL and OpenLDAP."""
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "slapd").mkdir()
    with slapd(folder / "slapd") as server:
        table = user_table(new_database(postgres, folder.name), SAMPLE_USERS, cheapest_hash)
        environs = {**local_environs(folder), "postgres": table, "ldap": directory_environ(server)}
        with fuzzed_services(environs) as services:
            yield services


@pytest.fixture(scope="module")
def tables(services: list[FuzzedService]) -> list[FuzzedService]:
    """The applications with a user table."""
    return [service for service in services if "DATABASE_URL" in service.environ]


@pytest.fixture(scope="module")
def sqlite_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FuzzedService]:
    """An application with a user table in SQLite."""
    with fuzzed_services(local_environs(tmp_path_factory.mktemp("fuzzed"))) as services:
        yield next(service for service in services if service.store == "sqlite")
