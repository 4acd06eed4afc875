"""The refusal to start while a well-known account has a password that attackers try first."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from config.errors import ConfigurationError, Problem
from config.service_settings import USER_TABLE_PROVIDER
from config.settings import Settings
from passwords.hashing import verify_password
from providers.stored_users import StoredUser, unusable_reason

WELL_KNOWN_ACCOUNTS = ("admin", "administrator", "root", "user", "test", "demo", "guest")
"""The accounts that the seeds of applications, and attackers, know by name."""

MAX_SECONDS = 3.0
"""How long a start may verify hashes. Expensive hashes are not guessed quickly by an attacker either."""


def require_no_default_passwords(settings: Settings) -> None:
    """Raise ConfigurationError with each well-known account of a users file or the user table that has such a password.

    An unavailable database does not prevent a start. Raises ConfigurationError if a section is invalid.
    """
    if problems := [*default_passwords(settings)]:
        raise ConfigurationError(problems)


def default_passwords(settings: Settings) -> Iterator[Problem]:
    """Yield a problem for each such account."""
    until = monotonic() + MAX_SECONDS
    if "static" in settings.providers.provider:
        for user in _users_of_file(settings.environ.get("STATIC_USERS_FILE", "").strip()):
            if _has_default_password(user, until):
                remedy = "Replace its password_hash with the output of: flask users hash"
                yield Problem(f"STATIC_USERS_FILE, user {user.username}", _FOUND, remedy)
    if USER_TABLE_PROVIDER in settings.providers.provider:
        for user in _users_of_table(settings):
            if _has_default_password(user, until):
                yield Problem(
                    f"the user {user.username} of the user table",
                    _FOUND,
                    f"Run: flask users set-password {user.username}",
                )


_FOUND = "has a password that attackers try first"


def _has_default_password(user: StoredUser, until: float) -> bool:
    if not user.active or unusable_reason(user.password_hash):
        return False
    guesses = (user.username, "password", "changeme", "admin", "secret", "123456")
    return any(monotonic() < until and verify_password(guess, user.password_hash) for guess in dict.fromkeys(guesses))


def _users_of_file(path: str) -> Iterator[StoredUser]:
    from providers.static.users_file import UsersFile

    users = UsersFile.read(Path(path)) if path else None  # without a path, the provider reports it
    for name in WELL_KNOWN_ACCOUNTS if users else ():
        if users and (user := users.find(name)):
            yield user


def _users_of_table(settings: Settings) -> Iterator[StoredUser]:
    from database.engine import open_engine
    from database.errors import DatabaseUnavailable
    from database.user_table import UserTable

    engine = open_engine(settings.database)
    table = UserTable(engine)
    try:
        yield from (user for name in WELL_KNOWN_ACCOUNTS if (user := table.find(name)))
    except DatabaseUnavailable:
        return
    finally:
        engine.dispose()  # the server forks its workers next, and two processes must not share a connection
