"""Edits of the user table: each is one transaction, which also writes an audit event and may end sessions."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from audit.events import Event
from config.service_settings import USER_TABLE_PROVIDER
from database.audit import logged_after_commit, record_event
from database.engine import begin_write
from database.error_translation import translate_database_errors
from database.errors import NoSuchUser, RoleNotGrantable, UserChanged, UserDisabled, UserExists
from database.revocation_table import last_revocation_id
from database.session_ends import end_user_sessions
from database.tables import users
from database.user_names import name_columns, require_free_names, require_visible_names
from database.user_roles import (
    add_user_roles,
    describe_role_change,
    is_active_admin,
    remove_user_roles,
    require_other_admin,
)
from database.user_row import UserRow, user_by_id, user_by_login
from database.user_table import UserTable

_UNIQUE_NAME_VIOLATION = re.compile(r"uq_latchkey_users_|UNIQUE constraint failed: latchkey_users\.")

UserRef = str | int
"""A user: by username, otherwise by email; or by id."""


class UserEditor:
    """Edits the user table in the name of an operator. Thread-safe.

    Every edit is one transaction, writes an audit event and, unless it says otherwise, returns the user as stored
    afterwards. It raises DatabaseUnavailable; NoSuchUser; RoleNotGrantable; UserExists if the username or email
    belongs to another user; InvalidName if a new username or email has invisible characters; UserChanged if `version`
    is not None and the user has another version; and LastAdmin if no active user would have the role `admin`
    afterwards, unless `force` is True.
    """

    def __init__(self, engine: Engine, operator: str, grantable_roles: Collection[str] | None = None) -> None:
        """`operator` is the name that the audit events record.

        The operator can grant only `grantable_roles`, and edit only users who have no others: with the password of a
        user, the operator would have their roles. `None` means all roles.
        """
        self.users = UserTable(engine)
        self._engine = engine
        self._operator = operator
        self._grantable_roles = grantable_roles

    def add(
        self, username: str, email: str | None, password_hash: str, role_names: Iterable[str] = (), active: bool = True
    ) -> UserRow:
        """Add a user with these roles."""
        names = sorted(set(role_names))
        values = {**name_columns(username, email), "password_hash": password_hash, "active": active}
        require_visible_names(username, email)
        self._require_grantable(names)
        with self._begin() as connection:
            require_free_names(connection, username, email)
            user_id = connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()
            add_user_roles(connection, user_id, names)
            self._record(connection, Event.USER_ADDED, user_id, username, f"roles: {', '.join(names) or 'none'}")
            return _require_user(user_by_id(connection, user_id))

    def set_password(self, user_ref: UserRef, password_hash: str, version: str | None = None) -> UserRow:
        """Replace a user's password hash, and end the user's sessions."""
        with self._begin() as connection:
            row = self._lock_user(connection, user_ref, version)
            return self._replace_hash(connection, row, password_hash, Event.PASSWORD_SET)

    def change_password(self, seen: UserRow, password_hash: str) -> int:
        """Replace a user's password hash, after the caller has verified the password with the hash in `seen`.

        The user's sessions end. Return the id of the revocation, so that a session can be opened unless there is a
        later one. Raises UserChanged if the user's password hash has changed since `seen` was read.
        """
        with self._begin() as connection:
            row = self._lock_user(connection, seen.id)
            if row.password_hash != seen.password_hash:
                raise UserChanged
            self._replace_hash(connection, row, password_hash, Event.PASSWORD_CHANGED)
            return last_revocation_id(connection)

    def issue_reset_code(self, user_ref: UserRef, code_hash: str, expires_at: datetime) -> UserRow:
        """Store the hash of a one-time code with which the user can set a new password. It replaces an older one.

        Raises UserDisabled. The password and the sessions of the user do not change.
        """
        with self._begin() as connection:
            row = self._lock_user(connection, user_ref)
            if not row.active:
                raise UserDisabled(row.username)
            _update(connection, row, reset_code_hash=code_hash, reset_expires_at=expires_at)
            self._record(connection, Event.RESET_CODE_ISSUED, row.id, row.username)
            return row

    def reset_password(self, seen: UserRow, code_hash: str, password_hash: str) -> None:
        """Replace a user's password hash, use up the code with this hash, and end the user's sessions.

        Raises UserChanged if the code was used or replaced, or the user was disabled, since it was verified.
        """
        with self._begin() as connection:
            row = self._lock_user(connection, seen.id)
            stored = connection.scalar(select(users.c.reset_code_hash).where(users.c.id == row.id))
            if stored != code_hash or not row.active:
                raise UserChanged
            self._replace_hash(connection, row, password_hash, Event.PASSWORD_RESET)

    def set_active(self, user_ref: UserRef, active: bool, force: bool = False) -> UserRow:
        """Enable a user; or disable a user and end the user's sessions."""
        return self.change(user_ref, lambda row: replace(row, active=active), force=force)

    def change(
        self, user_ref: UserRef, edit: Callable[[UserRow], UserRow], version: str | None = None, force: bool = False
    ) -> UserRow:
        """Replace the username, email, roles and `active` of a user with those of the row that `edit(row)` returns.

        Disabling a user, removing a role, or giving the user another username ends the user's sessions, so that no
        token keeps a role that the user no longer has. Disabling a user who is disabled already ends sessions, too.
        """
        with self._begin() as connection:
            row = self._lock_user(connection, user_ref, version)
            wanted = edit(row)
            self._require_grantable(wanted.roles)
            if not force and not is_active_admin(wanted):
                require_other_admin(connection, row)
            events = [*_edit_events(row, wanted)]
            for event, details in events:
                self._record(connection, event, row.id, wanted.username, details)
            if events:
                _apply(connection, row, wanted)
            if not wanted.active:
                _forget_reset_code(connection, row)
            if _ends_sessions(row, wanted):
                end_user_sessions(connection, row.username, USER_TABLE_PROVIDER)
            return _require_user(user_by_id(connection, row.id))

    def delete(self, user_ref: UserRef, force: bool = False) -> UserRow:
        """Delete a user, and end the user's sessions. Return the user as stored before the deletion."""
        with self._begin() as connection:
            row = self._lock_user(connection, user_ref)
            if not force:
                require_other_admin(connection, row)
            connection.execute(delete(users).where(users.c.id == row.id))
            self._record(connection, Event.USER_DELETED, row.id, row.username)
            end_user_sessions(connection, row.username, USER_TABLE_PROVIDER)
            return row

    def _replace_hash(self, connection: Connection, row: UserRow, password_hash: str, event: Event) -> UserRow:
        _update(connection, row, password_hash=password_hash, reset_code_hash=None, reset_expires_at=None)
        self._record(connection, event, row.id, row.username)
        end_user_sessions(connection, row.username, USER_TABLE_PROVIDER)
        return _require_user(user_by_id(connection, row.id))

    def _lock_user(self, connection: Connection, user_ref: UserRef, version: str | None = None) -> UserRow:
        row = _lock_user(connection, user_ref, version)
        self._require_grantable(row.roles)
        return row

    def _require_grantable(self, role_names: Iterable[str]) -> None:
        if self._grantable_roles is not None and not {*role_names} <= {*self._grantable_roles}:
            raise RoleNotGrantable

    def _record(
        self, connection: Connection, event: Event, user_id: int, username: str, details: str | None = None
    ) -> None:
        record_event(connection, self._operator, event, username, details, user_id=user_id)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), logged_after_commit(begin_write(self._engine)) as connection:
            try:
                yield connection
            except IntegrityError as error:
                # Another transaction has taken the name since `require_free_names`.
                if _UNIQUE_NAME_VIOLATION.search(str(error.orig)):
                    raise UserExists from None
                raise


def _require_user(row: UserRow | None) -> UserRow:
    if row is None:
        raise NoSuchUser
    return row


def _lock_user(connection: Connection, user_ref: UserRef, version: str | None = None) -> UserRow:
    """Return the user as stored now. No other transaction can change the user until this one ends."""
    seen = user_by_id(connection, user_ref) if isinstance(user_ref, int) else user_by_login(connection, user_ref)
    user_id = _require_user(seen).id
    connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    row = _require_user(user_by_id(connection, user_id))
    if version not in {None, row.version}:
        raise UserChanged
    return row


def _apply(connection: Connection, row: UserRow, wanted: UserRow) -> None:
    if (row.username, row.email) != (wanted.username, wanted.email):
        require_visible_names(wanted.username, wanted.email, known=(row.username, row.email))
        require_free_names(connection, wanted.username, wanted.email, row.id)
    # Roles are in other tables, but a change of roles is an edit of the user and changes `updated_at`.
    _update(connection, row, **name_columns(wanted.username, wanted.email), active=wanted.active)
    remove_user_roles(connection, row.id, {*row.roles} - {*wanted.roles})
    add_user_roles(connection, row.id, {*wanted.roles} - {*row.roles})


def _ends_sessions(row: UserRow, wanted: UserRow) -> bool:
    return row.username != wanted.username or not wanted.active or not {*row.roles} <= {*wanted.roles}


def _update(connection: Connection, row: UserRow, **values: object) -> None:
    connection.execute(update(users).where(users.c.id == row.id).values(**values))


def _forget_reset_code(connection: Connection, row: UserRow) -> None:
    # Without a code, nothing is written: the version of the user must not change.
    has_code = and_(users.c.id == row.id, users.c.reset_code_hash.is_not(None))
    connection.execute(update(users).where(has_code).values(reset_code_hash=None, reset_expires_at=None))


def _edit_events(row: UserRow, wanted: UserRow) -> Iterator[tuple[Event, str | None]]:
    """Yield the name and the details of each audit event of an edit."""
    if row.username != wanted.username:
        yield Event.USER_RENAMED, f"was {row.username}"
    if row.email != wanted.email:
        yield Event.EMAIL_CHANGED, f"was {row.email or 'none'}"
    added, removed = {*wanted.roles} - {*row.roles}, {*row.roles} - {*wanted.roles}
    if added or removed:
        yield Event.ROLES_CHANGED, describe_role_change(added, removed)
    if row.active != wanted.active:
        yield Event.USER_ENABLED if wanted.active else Event.USER_DISABLED, None
