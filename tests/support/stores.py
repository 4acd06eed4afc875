"""Sample users in a users file or a user table, and the services on top of them."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from argon2 import PasswordHasher
from sqlalchemy import Engine, update

from config.service_settings import DatabaseSettings
from config.settings import Settings
from config.text import casefold_name
from database.engine import open_engine
from database.schema import upgrade
from database.tables import users
from database.user_editor import UserEditor
from database.user_filter import UserFilter
from database.user_names import name_columns
from database.user_row import UserRow
from database.user_table import UserTable
from passwords.hashing import hash_password
from services.context import Services
from services.factory import create_services
from services.keys.ring import KeySource
from services.keys.sources import open_keys
from tests.support.users import SampleUser

SECRET_KEY = "7d0f4c1e9ab2586337e1c8d5f20b946a8be5036fd17c24a9903ed86b5f41c27a"

HIGH_LIMITS = {"LOGIN_FAILURES_PER_ACCOUNT": "1000000/hour", "LOGIN_ATTEMPTS_PER_ADDRESS": "1000000/hour"}
"""Limits that no test reaches. All sample stores have them, because most tests log in from one address."""

DEFAULT_LIMITS = dict.fromkeys(HIGH_LIMITS, "")
"""The default limits, for tests of the limits."""

hashed = cache(hash_password)
"""Hash a password, only once for all tests."""

CHEAPEST_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""For tests of hundreds of logins, whose time would be that of the hashes."""


@cache
def cheapest_hash(person: SampleUser) -> str:
    """Return a hash of the person's password with the lowest cost. The first login upgrades it."""
    return CHEAPEST_HASHER.hash(person.password)


def engine_of(environ: Mapping[str, str], may_create: bool = False) -> Engine:
    """Return an engine for the DATABASE_URL of an environment."""
    return open_engine(DatabaseSettings.read(environ), may_create)


def keys_of(environ: Mapping[str, str]) -> KeySource:
    """Return the keys that an environment configures."""
    return open_keys(Settings(environ))


def services_of(environ: Mapping[str, str]) -> Services:
    """Return the services that an environment configures."""
    return create_services(Settings(environ))


def users_file(
    path: Path,
    people: Iterable[SampleUser],
    hash_of: Callable[[SampleUser], str] = lambda person: hashed(person.password),
) -> dict[str, str]:
    """Write the users to a users file, and return the environment for its provider."""
    tables = [
        f"[[users]]\nusername = {json.dumps(person.username)}\nemail = {json.dumps(person.email)}\n"
        f"password_hash = {json.dumps(hash_of(person))}\nroles = {json.dumps(person.roles)}\n"
        for person in people
    ]
    path.write_text("\n".join(tables), "utf-8")
    path.chmod(0o600)
    return {"AUTH_PROVIDER": "static", "STATIC_USERS_FILE": str(path), **HIGH_LIMITS}


def user_table(
    url: str,
    people: Iterable[SampleUser],
    hash_of: Callable[[SampleUser], str] = lambda person: hashed(person.password),
) -> dict[str, str]:
    """Write the users to a new user table, and return the environment for its provider."""
    environ = {"AUTH_PROVIDER": "database", "DATABASE_URL": url, **HIGH_LIMITS}
    if url.startswith("sqlite:///") and not (path := Path(url.removeprefix("sqlite:///"))).exists():
        new_sqlite_database(path)
    engine = engine_of(environ, may_create=True)
    upgrade(engine)
    for person in people:
        add_by_hand(engine, person, hash_of(person))
    engine.dispose()
    return environ


def new_sqlite_database(path: Path) -> str:
    """Create a database with tables and without rows; return its URL."""
    path.write_bytes(_migrated_file())
    path.chmod(0o600)
    return f"sqlite:///{path}"


@cache
def _migrated_file() -> bytes:
    """Return the file of a database with tables, which is copied because the migrations take longer."""
    with TemporaryDirectory() as folder:
        engine = engine_of({"DATABASE_URL": f"sqlite:///{folder}/new.db"}, may_create=True)
        upgrade(engine)
        engine.dispose()
        return Path(folder, "new.db").read_bytes()


def add_by_hand(engine: Engine, person: SampleUser, stored: str) -> None:
    """Add a user without the checks of the commands: the email may exist already, and the hash may be of any kind."""
    added = UserEditor(engine, "tests").add(person.username, None, stored, person.roles)
    address = {"email": person.email, "email_folded": casefold_name(person.email)}
    with engine.begin() as connection:
        connection.execute(update(users).where(users.c.id == added.id).values(address))


def rename_by_hand(engine: Engine, username: str, new_username: str, email: str | None = None) -> None:
    """Give a user names that only older versions accepted."""
    with engine.begin() as connection:
        renamed = update(users).where(users.c.username == username)
        connection.execute(renamed.values(name_columns(new_username, email)))


def all_users(table: UserTable) -> list[UserRow]:
    """Return all users in the table, sorted by username."""
    return [*table.iterate(UserFilter())]
