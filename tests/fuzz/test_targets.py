"""The targets of `make fuzz`, with a fixed number of inputs: damaged seeds, which are not admitted, and never a 5xx."""

from collections.abc import Iterator

import pytest
from hypothesis import given

from tests.conftest import new_database
from tests.fuzz.fuzzed_services import (
    Environs,
    FuzzedService,
    directory_environ,
    fuzzed_services,
    hash_of,
    local_environs,
)
from tests.fuzz.strategies import damaged
from tests.fuzz.targets import TARGETS, seeds
from tests.servers.slapd import slapd
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS


@pytest.fixture(scope="module")
def environs(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Environs]:
    """The environments of all stores."""
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "slapd").mkdir()
    with slapd(folder / "slapd") as server:
        table = user_table(new_database(postgres, "fuzzed"), SAMPLE_USERS, hash_of)
        yield {**local_environs(folder), "postgres": table, "ldap": directory_environ(server)}


@pytest.fixture(scope="module")
def services(environs: Environs) -> Iterator[list[FuzzedService]]:
    with fuzzed_services(environs) as services:
        yield services


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_seed_is_not_admitted(services: list[FuzzedService], name: str) -> None:
    check = TARGETS[name](services)
    for seed in seeds(name):
        check(seed)

    @given(damaged(seeds(name)))
    def run(data: bytes) -> None:
        check(data)

    run()
