"""How many users have which kind of password hash, counted by the database."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, case, func, or_, select

from database.error_translation import translate_database_errors
from database.tables import users

STEP = 200_000
"""Ids that are counted at a time."""


class Group(NamedTuple):
    """Users whose hashes are of one kind, which `sample` is too."""

    sample: str
    username: str
    """Of one of them."""
    users: int
    active: int


def count_hashes(engine: Engine) -> Iterator[tuple[float, list[Group]]]:
    """Yield groups of users, of which several may be of one kind, and which part of the table is counted.

    A hash is told by its beginning and its length: one that is damaged in the middle counts with the good ones.
    Raises DatabaseUnavailable.
    """
    groups = _groups(engine.name)
    with translate_database_errors(), engine.connect() as connection:
        if engine.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        last = connection.scalar(select(func.max(users.c.id))) or 0
        for begin in range(1, last + 1, STEP):
            rows = connection.execute(groups.where(users.c.id.between(begin, begin + STEP - 1)))
            yield min(1.0, (begin + STEP - 1) / last), [Group(*row) for row in rows]


def _groups(dialect: str) -> Any:
    stored = users.c.password_hash
    active = func.sum(case((users.c.active.is_(True), 1), else_=0))
    counted = select(func.min(stored), func.min(users.c.username), func.count(), active)
    return counted.group_by(_head(stored, dialect), func.length(stored))


def _head(stored: ColumnElement[str], dialect: str) -> ColumnElement[str]:
    """Return what comes before the salt, in the hashes that have one; SQLite has no regular expressions.

    The commonest come first. What begins otherwise is told by its length alone.
    """
    place = func.instr if dialect == "sqlite" else func.strpos

    def begins(*heads: str) -> ColumnElement[bool]:
        return or_(*(func.substr(stored, 1, len(head)) == head for head in heads))

    def through(mark: str, after: int = 0) -> ColumnElement[str]:
        return func.substr(stored, 1, after + place(func.substr(stored, after + 1), mark))

    rounds = place(stored, "rounds=") + len("rounds=")
    return case(
        (place(stored, ",p=") > 0, func.substr(stored, 1, place(stored, ",p=") + 4)),
        (begins("$2"), func.substr(stored, 1, 7)),
        (begins("pbkdf2_sha256$"), through("$", 14)),
        (begins("pbkdf2_sha1$"), through("$", 12)),
        (begins("pbkdf2:", "scrypt:"), through("$")),
        # Django writes two parameters after the salt, before 88 characters of digest.
        (begins("scrypt$"), through("$", 7).concat(func.substr(stored, func.length(stored) - 92, 5))),
        (begins("bcrypt"), func.substr(stored, 1, place(stored, "$$") + 7)),
        (begins("$P$", "$H$"), func.substr(stored, 1, 4)),
        (rounds > len("rounds="), func.substr(stored, 1, rounds - 1 + place(func.substr(stored, rounds), "$"))),
        (place(stored, "}$2") > 0, func.substr(stored, 1, place(stored, "}") + 7)),
        (place(stored, "}$") > 0, func.substr(stored, 1, place(stored, "}") + 4)),
        (begins("{"), through("}")),
        (begins("$"), func.substr(stored, 1, 3)),
        else_="",
    )
