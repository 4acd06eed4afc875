"""The user table, page by page: each costs what it shows, however many users there are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Select, and_, exists, false, func, or_, select

from config.text import casefold_name
from database.error_translation import translate_database_errors
from database.tables import disabled, roles, user_roles, users
from database.user_filter import SortKey, UserFilter
from database.user_table import UserRow, UserTable, everybody, grouped, with_roles

FEW = 20_000  # holders of a role who are looked up one by one
CHUNK = 2000  # users at a time, where all are wanted

# Unique, and each has an index.
_ORDERS: Mapping[SortKey, Column[Any]] = {"username": users.c.username_folded, "created": users.c.id}


class UserPages(UserTable):
    """The user table, for those who leaf through it."""

    def page(self, selection: UserFilter, limit: int, after: str | int | None = None) -> list[UserRow]:
        """Return the first users of a selection, or those after a username, or after an id if it is sorted so."""
        with self._begin() as connection:
            if selection.search and connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 60000")  # it may have to read the whole table
            return _page(connection, selection, limit, casefold_name(after) if isinstance(after, str) else after)

    def iterate(self, selection: UserFilter, after: str | int | None = None) -> Iterator[UserRow]:
        """Yield every user of a selection, or those after one, as they were at one moment."""
        with translate_database_errors(), _at_one_moment(self._engine) as connection:
            begin = casefold_name(after) if isinstance(after, str) else after
            while page := _page(connection, selection, CHUNK, begin):
                yield from page
                begin = casefold_name(page[-1].username) if selection.sort == "username" else page[-1].id

    def count(self, active: bool | None = None) -> int:
        """Return how many users there are, or how many of them are active, or are not."""
        counted = select(func.count()).select_from(users)
        with self._begin() as connection:
            return connection.scalar(counted if active is None else counted.where(users.c.active.is_(active))) or 0

    def role_names(self) -> frozenset[str]:
        """Return the names of all roles, whoever has them."""
        with self._begin() as connection:
            return frozenset(connection.scalars(select(roles.c.name)))

    def newest_hashes(self, limit: int) -> list[str]:
        """Return the password hashes of those who were added last."""
        with self._begin() as connection:
            return [*connection.scalars(select(users.c.password_hash).order_by(users.c.id.desc()).limit(limit))]


@contextmanager
def _at_one_moment(engine: Engine) -> Iterator[Connection]:
    if engine.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        if engine.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # else each question is a transaction of its own
        yield connection


def _page(connection: Connection, selection: UserFilter, limit: int, begin: object) -> list[UserRow]:
    order = _ORDERS[selection.sort]
    chosen = everybody.add_columns(order.label("place")).where(*_conditions(connection, selection))
    if begin is not None:
        chosen = chosen.where(order < begin if selection.reverse else order > begin)
    chosen = chosen.order_by(order.desc() if selection.reverse else order).limit(limit)
    return grouped(connection.execute(_shown(chosen, selection)))


def _shown(chosen: Select[tuple[object, ...]], selection: UserFilter) -> Select[tuple[object, ...]]:
    statement = with_roles(chosen)
    place = statement.selected_columns.place
    return statement.order_by(place.desc() if selection.reverse else place)


def _conditions(connection: Connection, selection: UserFilter) -> Iterator[ColumnElement[bool]]:
    if selection.active is not None:
        yield users.c.active.is_(True) if selection.active else disabled
    if selection.search:
        part = casefold_name(selection.search)
        yield or_(
            *(column.contains(part, autoescape=True) for column in (users.c.username_folded, users.c.email_folded))
        )
    if selection.role is not None:
        yield _has_role(connection, selection.role)


def _has_role(connection: Connection, role: str) -> ColumnElement[bool]:
    """Return the condition that is quick for this role: databases guess wrong where it is rare among many."""
    role_id = connection.scalar(select(roles.c.id).where(roles.c.name == role))
    if role_id is None:
        return false()
    holders = connection.scalars(
        select(user_roles.c.user_id).where(user_roles.c.role_id == role_id).limit(FEW + 1)
    ).all()
    if len(holders) <= FEW:
        return users.c.id.in_(holders)
    return exists().where(and_(user_roles.c.user_id == users.c.id, user_roles.c.role_id == role_id))
