"""Databases with as many users as are wanted, made by the databases themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, text

from database.schema import upgrade
from database.user_editor import UserEditor
from passwords.hashing import hash_password
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.support.stores import engine_of

PASSWORD = "correct horse battery staple"
BCRYPT = "$2b$12$" + "a" * 21 + "." + "a" * 30 + "."  # of nobody's password

_USERS = """
INSERT INTO users (username, username_folded, email, email_folded, password_hash, active, created_at, updated_at)
SELECT name, name, name || '@example.org', name || '@example.org',
       CASE WHEN n % 3 = 0 THEN :bcrypt ELSE :argon2 END, n % 100 <> 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
FROM (SELECT n, 'user' || substr(CAST(100000000 + n AS TEXT), 2) AS name FROM {numbers}) AS many
"""
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :count) SELECT n FROM c)",
    "postgresql": "generate_series(1, :count) AS c(n)",
}


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Give, by kind, what the URL of a new database begins with."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as home, postgres_server.postgres(Path(home)) as url:
        yield {"sqlite": f"sqlite:///{folder}/", "postgresql": url}


def empty(kind: str, begin: str, name: str) -> dict[str, str]:
    """Make a database with tables; returns its environment."""
    environ = {"DATABASE_URL": f"{begin}{name}" if kind == "sqlite" else new_database(begin, name)}
    upgrade(engine_of(environ, may_create=True))
    return environ


def filled(kind: str, begin: str, count: int) -> dict[str, str]:
    """Make a database of this many users, and one `admin` who can log in; returns its environment."""
    environ = empty(kind, begin, f"of{count}")
    engine = engine_of(environ)
    hashed = hash_password(PASSWORD)
    with engine.begin() as connection:
        _fill(connection, kind, count, hashed)
    if kind == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM ANALYZE"))
    UserEditor(engine, "bench").add("zoe", "zoe@example.com", hashed, ["admin", "user"])
    engine.dispose()
    return environ


def _fill(connection: Connection, kind: str, count: int, hashed: str) -> None:
    if kind == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
    else:
        connection.execute(text("PRAGMA cache_size = -1000000"))
    statement = text(_USERS.format(numbers=_NUMBERS[kind]))
    connection.execute(statement, {"count": count, "bcrypt": BCRYPT, "argon2": hashed})
    connection.execute(text("INSERT INTO roles (id, name) VALUES (1000, 'user'), (1001, 'editor')"))
    connection.execute(text("INSERT INTO user_roles (user_id, role_id) SELECT id, 1000 FROM users"))
    connection.execute(
        text("INSERT INTO user_roles (user_id, role_id) SELECT id, 1001 FROM users WHERE id % 50000 = 7")
    )
