"""Roles granted to many users, or revoked from them, in one transaction."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update

from audit.events import Event
from config.service_settings import ADMIN_ROLE, USER_TABLE_PROVIDER
from config.text import casefold_name
from database.audit import logged_after_commit, record_event
from database.batches import ITEMS_PER_BATCH, batches
from database.engine import begin_write, limit_statements
from database.error_translation import translate_database_errors
from database.session_ends import end_sessions_of_users
from database.tables import roles, user_roles, users
from database.user_filter import UserFilter
from database.user_pages import fetch_page, position
from database.user_roles import describe_role_change, ensure_roles, require_any_admin
from database.user_row import UserRow, select_users, to_users, with_roles


class RoleChange(NamedTuple):
    """The change of the roles of one user."""

    user_id: int
    username: str
    added: frozenset[str]
    removed: frozenset[str]


class UnknownLogins(Exception):
    """No user has these usernames or emails. Nothing was changed."""

    def __init__(self, logins: Sequence[str]) -> None:
        super().__init__(f"{len(logins)} unknown logins")
        self.logins = logins


class BulkRoleEditor:
    """Adds roles to many users, and removes others, in the name of an operator."""

    def __init__(self, engine: Engine, operator: str, add: Collection[str], remove: Collection[str]) -> None:
        self._engine = engine
        self._operator = operator
        self._add = frozenset(add)
        self._remove = frozenset(remove)

    def change(
        self, selection: UserFilter | Sequence[str], *, force: bool = False, dry_run: bool = False
    ) -> tuple[int, list[RoleChange]]:
        """Change the roles of the users that match a filter, or have one of these usernames or emails.

        Return the number of selected users, and the changes. Removing a role ends the sessions of the user. Raises
        DatabaseUnavailable; UnknownLogins; and LastAdmin if no active user would have the role `admin`, unless `force`.
        """
        selected, changes = 0, []
        with translate_database_errors(), logged_after_commit(begin_write(self._engine)) as connection:
            limit_statements(connection, None)
            for ids in _batches_of_ids(connection, selection):
                rows = _lock_users(connection, ids)
                selected += len(rows)
                batch = [change for row in rows if (change := self._change_of(row)).added or change.removed]
                changes += batch
                if not dry_run:
                    self._apply(connection, batch)
            if not dry_run:
                self._finish(connection, changes, force)
        return selected, changes

    def _change_of(self, row: UserRow) -> RoleChange:
        current = frozenset(row.roles)
        return RoleChange(row.id, row.username, self._add - current, self._remove & current)

    def _apply(self, connection: Connection, changes: Sequence[RoleChange]) -> None:
        if not changes:
            return
        ids = [change.user_id for change in changes]
        if self._add:
            ensure_roles(connection, self._add)
        role_ids = {row.name: row.id for row in connection.execute(select(roles.c.name, roles.c.id))}
        pairs = [(change.user_id, role_ids[name]) for change in changes for name in change.added]
        if pairs:
            connection.execute(insert(user_roles), [{"user_id": user, "role_id": role} for user, role in pairs])
        removed = [role_ids[name] for name in self._remove if name in role_ids]
        of_users = user_roles.c.user_id.in_(ids)
        connection.execute(delete(user_roles).where(of_users, user_roles.c.role_id.in_(removed)))
        connection.execute(update(users).where(users.c.id.in_(ids)).values(username=users.c.username))
        for change in changes:
            details = describe_role_change(change.added, change.removed)
            event = Event.ROLES_CHANGED
            record_event(connection, self._operator, event, change.username, details, user_id=change.user_id)

    def _finish(self, connection: Connection, changes: Sequence[RoleChange], force: bool) -> None:
        if not force and any(ADMIN_ROLE in change.removed for change in changes):
            require_any_admin(connection)
        ended = [change.username for change in changes if change.removed]
        if ended:
            end_sessions_of_users(connection, ended, USER_TABLE_PROVIDER)


def _batches_of_ids(connection: Connection, selection: UserFilter | Sequence[str]) -> Iterator[Sequence[int]]:
    if not isinstance(selection, UserFilter):
        yield from batches(_ids_of_logins(connection, selection))
        return
    after = None
    while page := fetch_page(connection, selection, ITEMS_PER_BATCH, after):
        after = position(page[-1], selection)
        yield [row.id for row in page]


def _ids_of_logins(connection: Connection, logins: Sequence[str]) -> list[int]:
    """Return the ids of the users, each once. Raises UnknownLogins."""
    found: dict[str, int] = {}
    folded = [casefold_name(login) for login in logins]
    for names in batches(folded):
        matches = or_(users.c.username_folded.in_(names), users.c.email_folded.in_(names))
        query = select(users.c.id, users.c.username_folded, users.c.email_folded).where(matches)
        rows = connection.execute(query).all()
        found |= {row.email_folded: row.id for row in rows if row.email_folded}
        found |= {row.username_folded: row.id for row in rows}  # a username has precedence over an equal email
    if unknown := [login for login, name in zip(logins, folded, strict=True) if name not in found]:
        raise UnknownLogins(unknown)
    return [*dict.fromkeys(found[name] for name in folded)]


def _lock_users(connection: Connection, ids: Iterable[int]) -> list[UserRow]:
    """Return the users as stored now. No other transaction can change them until this one ends."""
    chosen = users.c.id.in_([*ids])
    connection.execute(select(users.c.id).where(chosen).order_by(users.c.id).with_for_update())
    query = with_roles(select_users.where(chosen))
    return to_users(connection.execute(query.order_by(query.selected_columns.id)))
