"""The user table, and all that is done with it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, Engine, Row, bindparam, exists, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from config.names import fold
from database.outages import raising_database_unavailable
from database.sessions import end_of_user
from database.tables import roles, user_roles, users

PROVIDER = "database"
"""What AUTH_PROVIDER calls this table, and so the `idp` of its users' sessions."""


class UserExists(Exception):
    """The username or e-mail address belongs to a user already."""


class NoSuchUser(Exception):
    """Nobody has this username or e-mail address."""


@dataclass(frozen=True)
class UserRow:
    """A user as the table has them."""

    id: int
    username: str
    email: str | None
    password_hash: str = field(repr=False)
    active: bool
    created_at: datetime
    roles: tuple[str, ...]


_with_roles = (
    select(users, roles.c.name.label("role"))
    .outerjoin(user_roles, user_roles.c.user_id == users.c.id)
    .outerjoin(roles, roles.c.id == user_roles.c.role_id)
    .order_by(users.c.username_folded, roles.c.name)
)
# Built once: building a statement costs more than running it.
_by_login = _with_roles.where(
    or_(users.c.username_folded == bindparam("name"), users.c.email_folded == bindparam("name"))
)
_by_username = _with_roles.where(users.c.username_folded == bindparam("name"))


class UserTable:
    """The users in one database. Thread-safe; every method raises DatabaseUnavailable if it cannot be asked.

    Those that change a user raise NoSuchUser if nobody has the name.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def matching(self, login: str) -> list[UserRow]:
        """Return all who have this username or e-mail address, whatever its case: at most two."""
        with self._begin() as connection:
            return _grouped(connection.execute(_by_login, {"name": fold(login)}))

    def find(self, username: str) -> UserRow | None:
        """Return the user of this name, whatever its case."""
        with self._begin() as connection:
            found = _grouped(connection.execute(_by_username, {"name": fold(username)}))
        return found[0] if found else None

    def all(self) -> list[UserRow]:
        """Return every user, by name."""
        with self._begin() as connection:
            return _grouped(connection.execute(_with_roles))

    def is_empty(self) -> bool:
        """Say whether there is no user at all."""
        with self._begin() as connection:
            return not connection.scalar(select(exists(select(users.c.id))))

    def add(self, username: str, email: str | None, password_hash: str, role_names: Iterable[str] = ()) -> None:
        """Add an active user with these roles, all of it or nothing; UserExists if a name is taken."""
        row = {
            "username": username,
            "username_folded": fold(username),
            "email": email,
            "email_folded": fold(email) if email else None,
            "password_hash": password_hash,
            "active": True,
        }
        with self._begin() as connection:
            try:
                user_id = connection.execute(insert(users).values(row).returning(users.c.id)).scalar_one()
            except IntegrityError:
                raise UserExists from None
            _give_roles(connection, user_id, set(role_names))

    def set_password(self, login: str, password_hash: str) -> str:
        """Give the user of this username, else e-mail address, another password; returns their username.

        Whatever they had from the old one ends with it.
        """
        return self._change(login, ends_sessions=True, password_hash=password_hash)

    def set_active(self, login: str, active: bool) -> str:
        """Let the user of this username, else e-mail address, in or put them out at once; returns their username."""
        return self._change(login, ends_sessions=not active, active=active)

    def _change(self, login: str, *, ends_sessions: bool, **values: object) -> str:
        # A username beats somebody else's e-mail address that reads the same: each can be named.
        with self._begin() as connection:
            for names in (users.c.username_folded, users.c.email_folded):
                change = update(users).where(names == fold(login)).values(**values).returning(users.c.username)
                if username := connection.scalar(change):
                    if ends_sessions:
                        end_of_user(connection, username, PROVIDER)
                    return str(username)
        raise NoSuchUser

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with raising_database_unavailable(), self._engine.begin() as connection:
            yield connection


def _give_roles(connection: Connection, user_id: int, names: set[str]) -> None:
    if names:
        # Another transaction may be adding the same role: theirs will do.
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        insert_role = dialect.insert(roles).on_conflict_do_nothing()
        connection.execute(insert_role, [{"name": name} for name in sorted(names)])
        held = select(literal(user_id), roles.c.id).where(roles.c.name.in_(names))
        connection.execute(insert(user_roles).from_select(["user_id", "role_id"], held))


def _grouped(rows: Iterable[Row[*tuple[object, ...]]]) -> list[UserRow]:
    """Make one user of the rows that have their roles; the rows of a user stand together."""
    return [_user(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row.id)]


def _user(rows: list[Row[*tuple[object, ...]]]) -> UserRow:
    first = rows[0]
    held = tuple(row.role for row in rows if row.role)
    return UserRow(first.id, first.username, first.email, first.password_hash, first.active, first.created_at, held)
