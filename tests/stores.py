"""The same people in every store."""

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, update

from config.text import fold
from database.engine import open_engine
from database.schema import upgrade
from database.tables import users
from database.user_editor import UserEditor
from database.user_filter import Selection
from database.user_pages import UserPages
from database.user_table import UserRow
from passwords.hashing import hash_password
from tests.people import Person

SECRET_KEY = "a key for the tests, as long as it has to be"

hashed = cache(hash_password)
"""Hash once what many tests store."""


def users_file(path: Path, people: Iterable[Person]) -> dict[str, str]:
    """Write the people to a users file; returns the environment in which a provider knows them."""
    tables = [
        f"[[users]]\nusername = {json.dumps(person.username)}\nemail = {json.dumps(person.email)}\n"
        f"password_hash = {json.dumps(hashed(person.password))}\nroles = {json.dumps(person.roles)}\n"
        for person in people
    ]
    path.write_text("\n".join(tables), "utf-8")
    return {"AUTH_PROVIDER": "static", "STATIC_USERS_FILE": str(path)}


def user_table(
    url: str, people: Iterable[Person], hash_of: Callable[[Person], str] = lambda person: hashed(person.password)
) -> dict[str, str]:
    """Put the people into a new user table; returns the environment in which a provider knows them."""
    environ = {"AUTH_PROVIDER": "database", "DATABASE_URL": url}
    engine = open_engine(environ, may_create=True)
    upgrade(engine)
    for person in people:
        add_by_hand(engine, person, hash_of(person))
    engine.dispose()
    return environ


def add_by_hand(engine: Engine, person: Person, stored: str) -> None:
    """Add a user whatever others are called, and whatever the hash is: a table is not always filled by our commands."""
    added = UserEditor(engine, "tests").add(person.username, None, stored, person.roles)
    address = {"email": person.email, "email_folded": fold(person.email)}
    with engine.begin() as connection:
        connection.execute(update(users).where(users.c.id == added.id).values(address))


def everybody(table: UserPages) -> list[UserRow]:
    """Return every user in the table, by name."""
    return [*table.each(Selection())]
