"""Databases with any number of users, which the database itself generates."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import Connection, text

from database.schema import upgrade
from database.user_editor import UserEditor
from passwords.hashing import hash_password
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.support.stores import engine_of

PASSWORD = "correct horse battery staple"
BCRYPT = "$2b$12$" + "a" * 21 + "." + "a" * 30 + "."  # no password matches it

_USERS = """
INSERT INTO latchkey_users
  (username, username_folded, email, email_folded, password_hash, active, created_at, updated_at)
SELECT name, name, name || '@example.org', name || '@example.org',
       CASE WHEN n % 3 = 0 THEN :bcrypt ELSE :argon2 END, n % 100 <> 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
FROM (SELECT n, 'user' || substr(CAST(100000000 + n AS TEXT), 2) AS name FROM {numbers}) AS numbered
"""
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :count) SELECT n FROM c)",
    "postgresql": "generate_series(1, :count) AS c(n)",
}


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Yield the beginnings of the URLs of new databases, by kind."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as home, postgres_server.postgres(Path(home)) as url:
        yield {"sqlite": f"sqlite:///{folder}/", "postgresql": url}


def create_empty(kind: str, base_url: str, name: str) -> dict[str, str]:
    """Create a database with empty tables. Return its environment."""
    environ = {"DATABASE_URL": f"{base_url}{name}" if kind == "sqlite" else new_database(base_url, name)}
    upgrade(engine_of(environ, may_create=True))
    return environ


def create_filled(kind: str, base_url: str, count: int) -> dict[str, str]:
    """Create a database with this many users, and an administrator who can log in. Return its environment."""
    environ = create_empty(kind, base_url, f"of{count}")
    engine = engine_of(environ)
    password_hash = hash_password(PASSWORD)
    with engine.begin() as connection:
        _fill(connection, kind, count, password_hash)
    if kind == "postgresql":
        vacuum(environ["DATABASE_URL"])
    UserEditor(engine, "bench").add("zoe", "zoe@example.com", password_hash, ["admin", "user"])
    engine.dispose()
    return environ


def vacuum(url: str) -> None:
    """Remove the deleted rows of a PostgreSQL database, and gather its statistics."""
    with psycopg.connect(url, autocommit=True) as connection:  # without a transaction, and without a timeout
        connection.execute("VACUUM ANALYZE")


def _fill(connection: Connection, kind: str, count: int, password_hash: str) -> None:
    if kind == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    else:
        connection.execute(text("PRAGMA cache_size = -1000000"))
    statement = text(_USERS.format(numbers=_NUMBERS[kind]))
    connection.execute(statement, {"count": count, "bcrypt": BCRYPT, "argon2": password_hash})
    connection.execute(text("INSERT INTO latchkey_roles (id, name) VALUES (1000, 'user'), (1001, 'editor')"))
    connection.execute(text("INSERT INTO latchkey_user_roles (user_id, role_id) SELECT id, 1000 FROM latchkey_users"))
    connection.execute(
        text(
            "INSERT INTO latchkey_user_roles (user_id, role_id) "
            "SELECT id, 1001 FROM latchkey_users WHERE id % 50000 = 7"
        )
    )
