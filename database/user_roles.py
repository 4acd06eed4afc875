"""The roles of users."""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, delete, exists, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from config.service_settings import ADMIN_ROLE
from database.errors import LastAdmin
from database.tables import NO_PASSWORD, roles, user_roles, users
from database.user_row import UserRow


def ensure_roles(connection: Connection, names: Iterable[str]) -> None:
    """Insert the roles that do not exist yet. Other transactions can insert the same roles concurrently."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(roles).on_conflict_do_nothing(), [{"name": name} for name in sorted(names)])


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
    if not is_active_admin(row):
        return
    # Edits of administrators wait here for each other: otherwise two of them could disable each other concurrently.
    role_id = connection.scalar(select(roles.c.id).where(roles.c.name == ADMIN_ROLE).with_for_update(key_share=True))
    others = select(user_roles.c.user_id).where(user_roles.c.role_id == role_id, user_roles.c.user_id != row.id)
    can_log_in = and_(users.c.active.is_(True), users.c.password_hash != NO_PASSWORD)
    if not connection.scalar(select(exists().where(users.c.id.in_(others), can_log_in))):
        raise LastAdmin
