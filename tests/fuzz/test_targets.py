"""The targets of `make fuzz`, with a fixed number of inputs: damaged seeds, which are not admitted, and never a 5xx."""

import pytest
from hypothesis import given

from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.strategies import damaged
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_seed_is_not_admitted(services: list[FuzzedService], name: str) -> None:
    check = TARGETS[name](services)
    for seed in seeds(name):
        check(seed)

    @given(damaged(seeds(name)))
    def check_damaged(data: bytes) -> None:
        check(data)

    check_damaged()
