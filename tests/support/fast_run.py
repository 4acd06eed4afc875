"""Which tests `make test-fast` runs: those that need no server, and are not slow."""

import inspect

import pytest

SERVER_FIXTURES = frozenset({"directory389", "domain", "postgres", "redis", "samba", "slapd"})
SERVER_PARAMETERS = frozenset({"ad", "ldap", "postgres", "postgresql", "samba", "slapd"})
WITHOUT_SERVER = frozenset(
    {
        "tests.servers",
        "tests.servers.faulty",
        "tests.servers.ldap_messages",
        "tests.servers.process",
        "tests.servers.scripted_ldap",
    }
)


SLOW = (
    "tests/api/test_foreign_hash_logins.py",
    "tests/api/test_login_throttle",
    "tests/api/test_lost_responses.py",
    "tests/api/test_overlapping_logins.py",
    "tests/api/test_session_races.py",
    "tests/api/test_users_outage.py",
    "tests/api/test_users_update.py",
    "tests/cli/",
    "tests/config/test_secret_key.py",
    "tests/database/test_living_migrations.py",
    "tests/database/test_migrated_data.py",
    "tests/database/test_migrations.py",
    "tests/docs/test_examples.py",
    "tests/docs/test_migrating.py",
    "tests/docs/test_tutorial.py",
    "tests/docs/test_year.py",
    "tests/fuzz/",
    "tests/docs/test_security_page.py",
    "tests/providers/test_provider_packages.py",
    "tests/services/sessions/test_revocation_polling.py",
    "tests/services/test_provider_watch.py",
    "tests/services/throttle/test_memory_storage.py",
    "tests/services/user_file_formats/test_all_formats.py",
    "tests/session_model/",
    "tests/test_denied_logins.py",
    "tests/test_instruction_counts.py",
)
"""Prefixes of the tests that take most of the time: each test waits, starts processes, or runs thousands of steps."""


def is_fast(item: pytest.Item) -> bool:
    """Return whether `make test-fast` runs the test."""
    return not item.nodeid.startswith(SLOW) and not needs_server(item)


def needs_server(item: pytest.Item) -> bool:
    """Return whether the test, its fixtures or its module use a server of tests/servers/."""
    if not isinstance(item, pytest.Function):
        return True
    if not SERVER_FIXTURES.isdisjoint(item.fixturenames):
        return True
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(_names_server(value) for value in parameters) or _imports_server(item)


def _names_server(value: object) -> bool:
    words = value if isinstance(value, tuple | list) else [value]
    return any(isinstance(word, str) and word.removesuffix("_environ") in SERVER_PARAMETERS for word in words)


def _imports_server(item: pytest.Function) -> bool:
    values = vars(item.module).values()
    modules = {value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) for value in values}
    return any(str(name).startswith("tests.servers.") and name not in WITHOUT_SERVER for name in modules)
