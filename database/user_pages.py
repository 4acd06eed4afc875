"""Pages of the user table. The cost of a page does not depend on the size of the table, except with a search."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, exists, false, or_, select

from config.text import casefold_name
from database.tables import disabled, roles, user_roles, users
from database.user_filter import SortKey, UserFilter
from database.user_row import UserRow, select_users, to_users, with_roles

SMALL_ROLE_LIMIT = 20_000
"""If a role has at most this many users, the query lists their ids."""

# Unique, and indexed.
_SORT_COLUMNS: Mapping[SortKey, Column[Any]] = {"username": users.c.username_folded, "created": users.c.id}


def fetch_page(
    connection: Connection, user_filter: UserFilter, limit: int, after: str | int | None = None
) -> list[UserRow]:
    """Return at most `limit` users: the first ones, or those after the position `after` of a user (see `position`).

    The user at the position may have been deleted. A position that is a username is compared without case.
    """
    column = _SORT_COLUMNS[user_filter.sort]
    order = column.desc() if user_filter.reverse else column.asc()
    selected = select_users.add_columns(column.label("position")).where(*_conditions(connection, user_filter))
    if after is not None:
        start = casefold_name(after) if isinstance(after, str) else after
        selected = selected.where(column < start if user_filter.reverse else column > start)
    query = with_roles(selected.order_by(order).limit(limit))
    in_page = query.selected_columns.position
    return to_users(connection.execute(query.order_by(in_page.desc() if user_filter.reverse else in_page)))


def position(row: UserRow, user_filter: UserFilter) -> str | int:
    """Return the position of a user in the order of the filter: the username, or the id with `created`."""
    return row.username if user_filter.sort == "username" else row.id


def _conditions(connection: Connection, user_filter: UserFilter) -> Iterator[ColumnElement[bool]]:
    if user_filter.active is not None:
        yield users.c.active.is_(True) if user_filter.active else disabled
    if user_filter.search:
        part = casefold_name(user_filter.search)
        names = (users.c.username_folded, users.c.email_folded)
        yield or_(*(name.contains(part, autoescape=True) for name in names))
    if user_filter.role is not None:
        yield _has_role(connection, user_filter.role)


def _has_role(connection: Connection, role: str) -> ColumnElement[bool]:
    """Return a condition that is fast for this role: for EXISTS, planners choose a slow plan if few users have it."""
    role_id = connection.scalar(select(roles.c.id).where(roles.c.name == role))
    if role_id is None:
        return false()
    with_role = select(user_roles.c.user_id).where(user_roles.c.role_id == role_id)
    user_ids = connection.scalars(with_role.limit(SMALL_ROLE_LIMIT + 1)).all()
    if len(user_ids) <= SMALL_ROLE_LIMIT:
        return users.c.id.in_(user_ids)
    return exists().where(and_(user_roles.c.user_id == users.c.id, user_roles.c.role_id == role_id))
