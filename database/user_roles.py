"""The roles of users."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, exists, func, insert, literal, select

from config.service_settings import ADMIN_ROLE
from database.errors import LastAdmin
from database.tables import NO_PASSWORD, roles, user_roles, users
from database.user_row import UserRow


class RoleCount(NamedTuple):
    """A role, and the number of its users."""

    role: str
    users: int
    active: int


def ensure_roles(connection: Connection, names: Iterable[str]) -> None:
    """Insert the roles that do not exist yet. Other transactions can insert the same roles concurrently."""
    statement = _dialect_of(connection).insert(roles).on_conflict_do_nothing()
    connection.execute(statement, [{"name": name} for name in sorted(names)])


def _dialect_of(connection: Connection) -> Any:
    """Return the package of the dialect in use. The engine has imported it, and the other one takes long to import."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite
    from sqlalchemy.dialects import postgresql

    return postgresql


def add_user_roles(connection: Connection, user_id: int, names: Iterable[str]) -> None:
    """Give a user these roles, which the user does not have yet."""
    in_order = sorted(names)
    if in_order:
        ensure_roles(connection, in_order)
        added = select(literal(user_id), roles.c.id).where(roles.c.name.in_(in_order))
        connection.execute(insert(user_roles).from_select(["user_id", "role_id"], added))


def remove_user_roles(connection: Connection, user_id: int, names: Iterable[str]) -> None:
    """Remove these roles from a user."""
    role_ids = select(roles.c.id).where(roles.c.name.in_([*names]))
    connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id, user_roles.c.role_id.in_(role_ids)))


def is_active_admin(row: UserRow) -> bool:
    """Return whether the user is active and has the role `admin`."""
    return row.active and ADMIN_ROLE in row.roles


def require_other_admin(connection: Connection, row: UserRow) -> None:
    """Raise LastAdmin if this user is the only active one with the role `admin` and a password."""
    if is_active_admin(row):
        require_any_admin(connection, except_user=row.id)


def require_any_admin(connection: Connection, except_user: int | None = None) -> None:
    """Raise LastAdmin if no other user is active, and has the role `admin` and a password."""
    # Edits of administrators wait here for each other: otherwise two of them could disable each other concurrently.
    role_id = connection.scalar(select(roles.c.id).where(roles.c.name == ADMIN_ROLE).with_for_update(key_share=True))
    admins = select(user_roles.c.user_id).where(user_roles.c.role_id == role_id)
    if except_user is not None:
        admins = admins.where(user_roles.c.user_id != except_user)
    can_log_in = and_(users.c.active.is_(True), users.c.password_hash != NO_PASSWORD)
    if not connection.scalar(select(exists().where(users.c.id.in_(admins), can_log_in))):
        raise LastAdmin


def describe_role_change(added: Iterable[str], removed: Iterable[str]) -> str:
    """Return a change of roles as text, such as `+editor -user`."""
    return " ".join([*(f"+{role}" for role in sorted(added)), *(f"-{role}" for role in sorted(removed))])


def role_counts(connection: Connection) -> list[RoleCount]:
    """Return the number of users of each role, also of those that no user has."""
    active = func.count(users.c.id).filter(users.c.active.is_(True))
    query = select(roles.c.name, func.count(users.c.id), active).select_from(roles)
    query = query.outerjoin(user_roles, user_roles.c.role_id == roles.c.id).outerjoin(users)
    return [RoleCount(*row) for row in connection.execute(query.group_by(roles.c.name).order_by(roles.c.name))]
