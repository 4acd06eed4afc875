"""Denied logins have the same response after the same time, for each reason, in each store."""

from pathlib import Path
from statistics import median

import pytest

from tests.support.denied_logins import (
    OLD,
    USERS,
    Environ,
    HashOf,
    Logins,
    bcrypt_hash,
    costly_hash,
    denied_logins,
    half_of,
    measure,
    policy_hash,
    user_table_of,
    users_file_of,
)

TRIES = 9
MEASUREMENTS = 3
MAX_RATIO = 2
"""Of medians. bench/oracle.py measures them exactly."""


def assert_equal_times(environ: Environ, logins: Logins) -> None:
    """Assert that all kinds take as long as the first one. Other processes may disturb one measurement, but not all."""
    for _ in range(MEASUREMENTS):
        medians = {kind: median(seconds) for kind, seconds in measure(environ, logins, TRIES).items()}
        usual = next(iter(medians.values()))
        ratios = {kind: seconds / usual for kind, seconds in medians.items()}
        if all(1 / MAX_RATIO < ratio < MAX_RATIO for ratio in ratios.values()):
            return
    pytest.fail(f"denied logins take different times: {ratios}")


@pytest.mark.parametrize("hash_of", [policy_hash, half_of(costly_hash)], ids=["the same", "half more expensive"])
def test_time_of_a_users_file_is_the_same_for_each_reason(tmp_path: Path, hash_of: HashOf) -> None:
    environ = users_file_of(tmp_path / "users.toml", hash_of)
    assert_equal_times(environ, denied_logins(**{"expensive hash": OLD}))


@pytest.mark.parametrize("hash_of", [policy_hash, half_of(bcrypt_hash)], ids=["the same", "half old ones"])
def test_time_of_a_user_table_is_the_same_for_each_reason(empty_database: str, hash_of: HashOf) -> None:
    assert_equal_times(user_table_of(empty_database, hash_of), denied_logins(**{"old hash": OLD}))


def test_time_of_a_chain_is_the_same_for_each_reason_and_store(tmp_path: Path, empty_database: str) -> None:
    table = user_table_of(empty_database, policy_hash)
    file = users_file_of(tmp_path / "users.toml", policy_hash, USERS[:10])
    environ = {**table, **file, "AUTH_PROVIDER": "static,database"}
    assert_equal_times(environ, denied_logins(**{"in the second store": USERS[15]}))
