"""The order of the test files: those that take longest begin first, so that no worker waits for another at the end."""

import pytest

LONGEST = (
    "tests/session_model/",
    "tests/docs/test_readme.py",
    "tests/test_crash.py",
    "tests/test_denied_logins.py",
    "tests/docs/test_examples.py",
    "tests/docs/test_tutorial.py",
    "tests/docs/test_site.py",
    "tests/database/test_living_migrations.py",
    "tests/database/test_migrated_data.py",
    "tests/contract/",
    "tests/test_database_restarts.py",
    "tests/cli/test_tokens.py",
    "tests/cli/test_import_killed.py",
    "tests/cli/test_import_memory.py",
    "tests/cli/test_explain.py",
    "tests/test_replicas.py",
    "tests/cli/test_throttle.py",
    "tests/test_invalid_respawn.py",
    "tests/test_crash_during_writes.py",
    "tests/test_key_rotation.py",
    "tests/test_overload.py",
)
"""Prefixes of the tests that take longest."""


def longest_first(item: pytest.Item) -> int:
    """Return the rank of a test. Tests of the same rank keep their order."""
    return next((rank for rank, prefix in enumerate(LONGEST) if item.nodeid.startswith(prefix)), len(LONGEST))
