"""A user as stored in the user table, and the queries that find one user in a transaction."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, bindparam, or_, select

from config.text import casefold_name, is_normalized
from database.prepared_statement import PreparedStatement, Source
from database.tables import roles, user_roles, users


@dataclass(frozen=True)
class UserRow:
    """A user with the names of the user's roles, in alphabetical order."""

    id: int
    username: str
    username_folded: str = field(repr=False, compare=False)
    email: str | None
    email_folded: str | None = field(repr=False, compare=False)
    password_hash: str = field(repr=False)
    active: bool
    created_at: datetime
    updated_at: datetime
    last_login_at: datetime | None
    roles: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the user as a JSON object, without the password hash. Times are in ISO 8601."""
        fields = {name: getattr(self, name) for name in ("id", "username", "email", "roles", "active")}
        times = {name: getattr(self, name) for name in ("created_at", "updated_at", "last_login_at")}
        return fields | {name: time.isoformat() if time else None for name, time in times.items()}

    @property
    def has_valid_names(self) -> bool:
        """Whether the folded columns match the names, and each name and role is normalized.

        They do not after an edit with SQL. Lookups read the folded columns, but the names identify the user to clients,
        so this user could have the username of another one.
        """
        folded = (casefold_name(self.username), casefold_name(self.email) if self.email else None)
        names = filter(None, (self.username, self.email, *self.roles))
        return folded == (self.username_folded, self.email_folded) and all(map(is_normalized, names))

    @property
    def record_id(self) -> str:
        """Identifies the row. The id alone does not: SQLite gives the id of a deleted row to the next one."""
        return f"{self.id} of {self.created_at.isoformat()}"

    @property
    def version(self) -> str:
        """An opaque version string for optimistic locking. It changes with every edit, but not with a login."""
        edited = (self.id, self.username, self.email, self.active, self.updated_at.isoformat(), self.roles)
        return hashlib.sha256(repr(edited).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PasswordReset:
    """A user, and the one-time code with which they can set a new password."""

    user: UserRow
    code_hash: str | None = field(repr=False)
    """None if there is no code."""
    expires_at: datetime | None


_user_columns = [users.c[name] for name in UserRow.__dataclass_fields__ if name != "roles"]
select_users = select(*_user_columns)
"""A query for users without their roles. Apply the limit, then pass it to `with_roles`."""


def with_roles(selected: Select[Any]) -> Select[Any]:
    """Return a query for the users in `selected`, with one row for each role of a user."""
    page = selected.subquery()
    return (
        select(page, roles.c.name.label("role"))
        .outerjoin(user_roles, user_roles.c.user_id == page.c.id)
        .outerjoin(roles, roles.c.id == user_roles.c.role_id)
    )


_select_with_roles = (
    select(*_user_columns, roles.c.name.label("role"))
    .outerjoin(user_roles, user_roles.c.user_id == users.c.id)
    .outerjoin(roles, roles.c.id == user_roles.c.role_id)
    .order_by(users.c.username_folded, roles.c.name)
)
# Built once: building a statement costs more than executing it.
_by_login = PreparedStatement(
    _select_with_roles.where(
        or_(users.c.username_folded == bindparam("name"), users.c.email_folded == bindparam("name"))
    )
)
_by_username = PreparedStatement(_select_with_roles.where(users.c.username_folded == bindparam("name")))
_by_id = PreparedStatement(_select_with_roles.where(users.c.id == bindparam("user_id")))


def user_by_login(source: Source, login: str) -> UserRow | None:
    """Return the user with this username, otherwise the user with this email, ignoring case.

    A username has precedence over an equal email of another user, so that a login can select every user.
    """
    name = casefold_name(login)
    matches = to_users(_by_login.rows(source, {"name": name}))
    by_username = (row for row in matches if row.username_folded == name)
    return next(by_username, next(iter(matches), None))


def user_by_username(source: Source, username: str) -> UserRow | None:
    """Return the user with this username, ignoring case."""
    return _only(_by_username.rows(source, {"name": casefold_name(username)}))


def user_by_id(source: Source, user_id: int) -> UserRow | None:
    """Return the user with this id."""
    return _only(_by_id.rows(source, {"user_id": user_id}))


def to_users(rows: Iterable[Sequence[Any]]) -> list[UserRow]:
    """Return the users in the rows of a query by `with_roles`, in which the rows of one user are adjacent."""
    return [_to_user(list(same_user)) for _, same_user in groupby(rows, key=itemgetter(0))]


def _only(rows: Iterable[Sequence[Any]]) -> UserRow | None:
    return next(iter(to_users(rows)), None)


def _to_user(rows: Sequence[Sequence[Any]]) -> UserRow:
    role_names = tuple(sorted(row[-1] for row in rows if row[-1]))
    values: list[Any] = [*rows[0][: len(_user_columns)], role_names]
    return UserRow(*values)
