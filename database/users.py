"""The user table, and all that is done with it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, bindparam, exists, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from config.names import fold
from database.outages import outages_told
from database.tables import roles, user_roles, users


class UserExists(Exception):
    """The username or e-mail address belongs to a user already."""


class NoSuchUser(Exception):
    """Nobody, or more than one, has this username or e-mail address."""


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
    """The users in one database. Thread-safe; every method raises DatabaseUnavailable if it cannot be asked."""

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
        """Give the one user with this login another password; returns their username. NoSuchUser if not just one."""
        return self._change(login, password_hash=password_hash)

    def set_active(self, login: str, active: bool) -> str:
        """Let the one user with this login in, or keep them out; returns their username. NoSuchUser as above."""
        return self._change(login, active=active)

    def _change(self, login: str, **values: object) -> str:
        found = self.matching(login)
        if len(found) != 1:
            raise NoSuchUser
        with self._begin() as connection:
            connection.execute(update(users).where(users.c.id == found[0].id).values(**values))
        return found[0].username

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with outages_told(), self._engine.begin() as connection:
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
    found: dict[int, UserRow] = {}
    for row in rows:
        known = found.get(row.id)
        role_names = (known.roles if known else ()) + ((row.role,) if row.role else ())
        found[row.id] = UserRow(
            row.id, row.username, row.email, row.password_hash, row.active, row.created_at, role_names
        )
    return list(found.values())
