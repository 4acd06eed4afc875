"""The user table: who is in it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, Float, Row, Select, bindparam, exists, func, or_, select, update
from sqlalchemy.exc import DBAPIError

from config.text import casefold_name
from database.audit import AuditEvent, newest_events
from database.error_translation import translate_database_errors
from database.errors import DatabaseUnavailable, NoSuchUser
from database.tables import roles, user_roles, users

PROVIDER = "database"
"""What AUTH_PROVIDER calls this table, and so the `idp` of its users' sessions."""

ADMIN = "admin"
"""The role that opens /api/users, and that somebody must have."""


@dataclass(frozen=True)
class UserRow:
    """A user as the table has them."""

    id: int
    username: str
    email: str | None
    password_hash: str = field(repr=False)
    active: bool
    created_at: datetime
    updated_at: datetime
    last_login_at: datetime | None
    roles: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return all that others may know of the user, as JSON has it."""
        plain = {name: getattr(self, name) for name in ("id", "username", "email", "roles", "active")}
        moments = {name: getattr(self, name) for name in ("created_at", "updated_at", "last_login_at")}
        return plain | {name: moment.isoformat() if moment else None for name, moment in moments.items()}

    @property
    def version(self) -> str:
        """A text that is another one after every change by an admin or by the user, but not after a login."""
        seen = (self.id, self.username, self.email, self.active, self.updated_at.isoformat(), self.roles)
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


_members = [users.c[name] for name in UserRow.__dataclass_fields__ if name != "roles"]


def with_roles(chosen: Select[Any]) -> Select[Any]:
    """Return a statement for the users that `chosen` selects, with a row for each role."""
    page = chosen.subquery()
    return (
        select(page, roles.c.name.label("role"))
        .outerjoin(user_roles, user_roles.c.user_id == page.c.id)
        .outerjoin(roles, roles.c.id == user_roles.c.role_id)
    )


everybody = select(*_members)
_one = (
    select(*_members, roles.c.name.label("role"))
    .outerjoin(user_roles, user_roles.c.user_id == users.c.id)
    .outerjoin(roles, roles.c.id == user_roles.c.role_id)
    .order_by(users.c.username_folded, roles.c.name)
)
# Built once: building a statement costs more than running it.
_by_login = _one.where(or_(users.c.username_folded == bindparam("name"), users.c.email_folded == bindparam("name")))
_by_username = _one.where(users.c.username_folded == bindparam("name"))
_by_id = _one.where(users.c.id == bindparam("user_id"))
_decoy = (
    select(users.c.password_hash)
    .where(users.c.id >= select(func.max(users.c.id) * bindparam("share", type_=Float)).scalar_subquery())
    .order_by(users.c.id)
    .limit(1)
)
# Not a change that an admin should hear of, so `updated_at` stays.
_note_login = (
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("seen"))
    .values(last_login_at=bindparam("now"), password_hash=bindparam("hashed"), updated_at=users.c.updated_at)
)


class UserTable:
    """The users in one database. Thread-safe; every method raises DatabaseUnavailable if it cannot be asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_by_login(self, login: str) -> list[UserRow]:
        """Return all who have this username or e-mail address, whatever its case: at most two."""
        with self._begin() as connection:
            return grouped(connection.execute(_by_login, {"name": casefold_name(login)}))

    def find(self, username: str) -> UserRow | None:
        """Return the user of this name, whatever its case."""
        with self._begin() as connection:
            return _first(connection.execute(_by_username, {"name": casefold_name(username)}))

    def require(self, login: str) -> UserRow:
        """Return the user of this username, else e-mail address; NoSuchUser if there is none."""
        with self._begin() as connection:
            row = find_by_name(connection, login)
        if row is None:
            raise NoSuchUser
        return row

    def get(self, user_id: int) -> UserRow | None:
        """Return the user of this id."""
        with self._begin() as connection:
            return by_id(connection, user_id)

    def decoy_hash(self, name: str) -> str | None:
        """Return the password hash of some user, the same for the same name; `None` if there is no user at all.

        Somebody unknown is to cost what a user costs, and users' hashes cost what their schemes do.
        Which user it is tells nothing of the names that there are.
        """
        share = int.from_bytes(hashlib.sha256(casefold_name(name).encode()).digest()[:4]) / 2**32
        with self._begin() as connection:
            found: str | None = connection.scalar(_decoy, {"share": share})
        return found

    def record_login(self, row: UserRow, now: datetime, password_hash: str) -> bool:
        """Note a login, and the hash that the password has from now on; says whether nobody was faster to change it."""
        values = {"user_id": row.id, "seen": row.password_hash, "now": now, "hashed": password_hash}
        try:
            with self._begin() as connection:
                return connection.execute(_note_login, values).rowcount == 1
        except DBAPIError as error:  # a rule of somebody else's, of which the database tells with the row
            raise DatabaseUnavailable(f"it rejects the write: {type(error).__name__}") from None

    def history(self, username: str | None = None) -> list[AuditEvent]:
        """Return what was done last to whoever has, or had, this name, or to anybody; newest first."""
        with self._begin() as connection:
            return newest_events(connection, username)

    def is_empty(self) -> bool:
        """Say whether there is no user at all."""
        with self._begin() as connection:
            return not connection.scalar(select(exists(select(users.c.id))))

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), self._engine.begin() as connection:
            yield connection


def find_by_name(connection: Connection, login: str) -> UserRow | None:
    """Return the user of this username, else e-mail address.

    A username beats somebody else's address that reads the same: so each can be named.
    """
    matches = grouped(connection.execute(_by_login, {"name": casefold_name(login)}))
    return next(
        (row for row in matches if casefold_name(row.username) == casefold_name(login)), next(iter(matches), None)
    )


def by_id(connection: Connection, user_id: int) -> UserRow | None:
    """Return the user of this id."""
    return _first(connection.execute(_by_id, {"user_id": user_id}))


def grouped(rows: Iterable[Row[*tuple[object, ...]]]) -> list[UserRow]:
    """Make one user of the rows that have their roles; the rows of a user stand together."""
    return [_user(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row.id)]


def _first(rows: Iterable[Row[*tuple[object, ...]]]) -> UserRow | None:
    return next(iter(grouped(rows)), None)


def _user(rows: Sequence[Row[*tuple[object, ...]]]) -> UserRow:
    held = tuple(sorted(row.role for row in rows if row.role))
    values: list[Any] = [*rows[0][: len(_members)], held]
    return UserRow(*values)
