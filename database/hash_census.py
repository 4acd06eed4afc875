"""How many users have which kind of password hash, counted by the database."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, case, func, or_, select

from database.outages import raising_database_unavailable
from database.tables import users

STEP = 200_000  # ids at a time, so that no question takes long

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=._-"


class Group(NamedTuple):
    """Users whose hashes are of one kind, which `sample` is too."""

    sample: str
    username: str
    """Of one of them."""
    users: int
    active: int


def count_hashes(engine: Engine) -> Iterator[tuple[float, list[Group]]]:
    """Yield groups of users, of which several may be of one kind, and which part of the table is counted.

    Raises DatabaseUnavailable.
    """
    with raising_database_unavailable(), engine.connect() as connection:
        last = connection.scalar(select(func.max(users.c.id))) or 0
        for begin in range(1, last + 1, STEP):
            rows = connection.execute(_groups.where(users.c.id.between(begin, begin + STEP - 1)))
            yield min(1.0, (begin + STEP - 1) / last), [Group(*row) for row in rows]


def _head(stored: ColumnElement[str]) -> ColumnElement[str]:
    """Return what hashes of one scheme with the same parameters have in common, or nearly so.

    Regular expressions would be clearer, but SQLite has none. A salt and a digest are of one alphabet, and the
    parameters before them end with what is not in it.
    """
    without_digest = func.rtrim(stored, _ALPHABET)
    without_salt = func.rtrim(func.rtrim(without_digest, "$"), _ALPHABET)

    def begins(*heads: str) -> ColumnElement[bool]:
        return or_(*(stored.startswith(head, autoescape=True) for head in heads))

    return case(
        (begins("$P$", "$H$"), func.substr(stored, 1, 4)),
        (begins("scrypt$"), func.substr(stored, 1, 12)),  # Django writes the salt between the parameters
        (begins("$2", "bcrypt", "{CRYPT}$2", "{S"), without_digest),
        (begins("$", "{", "argon2$", "pbkdf2", "scrypt:"), without_salt),
        else_="",
    )


_kind = (_head(users.c.password_hash), func.length(users.c.password_hash))
_groups = select(
    func.min(users.c.password_hash),
    func.min(users.c.username),
    func.count(),
    func.sum(case((users.c.active.is_(True), 1), else_=0)),
).group_by(*_kind)
