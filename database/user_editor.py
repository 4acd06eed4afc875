"""The user table: all that is changed in it by hand, each change whole, recorded, and with its consequences."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from zlib import crc32

from sqlalchemy import Connection, Engine, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from config.text import casefold_name
from database.audit import record_event
from database.engine import begin_write
from database.error_translation import translate_database_errors
from database.errors import LastAdmin, NoSuchUser, UserChanged, UserExists
from database.session_table import end_user_sessions
from database.tables import roles, user_roles, users
from database.user_pages import UserPages
from database.user_table import ADMIN, PROVIDER, UserRow, by_id, find_by_name

log = logging.getLogger(__name__)

_NAME_TAKEN = re.compile(r"uq_users_|UNIQUE constraint failed: users\.")

_EVENTS = "events"
_NAMES = 7244
IMPORT_LOCK = 7245
"""The lock that an import takes when it looks whether its names are still free, and others share."""

UserRef = str | int
"""A user: by username, else e-mail address; or by id."""


class UserEditor(UserPages):
    """The user table in the hands of an operator. Thread-safe.

    Every change is one transaction, and leaves an audit event. It returns the user as they are then. Each raises
    DatabaseUnavailable; NoSuchUser; UserExists if a name is taken; UserChanged if a `version` is given that is not
    the user's any more; and LastAdmin, unless told to `force`, if nobody active would be left with the role `admin`.
    """

    def __init__(self, engine: Engine, operator: str) -> None:
        """`operator` is who does it, for the audit events."""
        super().__init__(engine)
        self._operator = operator

    def add(
        self, username: str, email: str | None, password_hash: str, role_names: Iterable[str] = (), active: bool = True
    ) -> UserRow:
        """Add a user with these roles."""
        names = sorted(set(role_names))
        values = {**_name_columns(username, email), "password_hash": password_hash, "active": active}
        with self._writing() as connection:
            _refuse_taken(connection, username, email)
            user_id = connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()
            _give_roles(connection, user_id, names)
            self._record(connection, "user_added", username, f"roles: {', '.join(names) or 'none'}")
            return _there(by_id(connection, user_id))

    def set_password(self, user_ref: UserRef, password_hash: str, version: str | None = None) -> UserRow:
        """Give a user another password. Whatever they had from the old one ends with it."""
        with self._writing() as connection:
            row = _locked(connection, user_ref, version)
            return self._new_password(connection, row, password_hash, "password_set")

    def change_password(self, seen: UserRow, password_hash: str, except_session_id: str | None) -> UserRow:
        """Give a user another password, who has proven the one that was `seen`; UserChanged if it is theirs no more.

        Their sessions end, but for the one of the id `except_session_id`.
        """
        with self._writing() as connection:
            row = _locked(connection, seen.id)
            if row.password_hash != seen.password_hash:
                raise UserChanged
            return self._new_password(connection, row, password_hash, "password_changed", except_session_id)

    def set_active(self, user_ref: UserRef, active: bool, force: bool = False) -> UserRow:
        """Let a user in, or put them out at once."""
        return self.change(user_ref, lambda row: replace(row, active=active), force=force)

    def change(
        self, user_ref: UserRef, edit: Callable[[UserRow], UserRow], version: str | None = None, force: bool = False
    ) -> UserRow:
        """Make a user what `edit` makes of them: another username or address, other roles, active or not.

        Who is disabled or has another username loses what they have from logging in.
        """
        with self._writing() as connection:
            row = _locked(connection, user_ref, version)
            wanted = edit(row)
            if not force and not _is_admin(wanted):
                _keep_an_admin(connection, row)
            told = [*_differences(row, wanted)]
            for action, details in told:
                self._record(connection, action, wanted.username, details)
            if told:
                _write(connection, row, wanted)
            return _there(by_id(connection, row.id))

    def delete(self, user_ref: UserRef, force: bool = False) -> UserRow:
        """Remove a user, and end what they have; returns them as they were."""
        with self._writing() as connection:
            row = _locked(connection, user_ref)
            if not force:
                _keep_an_admin(connection, row)
            connection.execute(delete(users).where(users.c.id == row.id))
            self._record(connection, "user_deleted", row.username)
            end_user_sessions(connection, row.username, PROVIDER)
            return row

    def _new_password(
        self,
        connection: Connection,
        row: UserRow,
        password_hash: str,
        action: str,
        except_session_id: str | None = None,
    ) -> UserRow:
        _update(connection, row, password_hash=password_hash)
        self._record(connection, action, row.username)
        end_user_sessions(connection, row.username, PROVIDER, except_session_id)
        return _there(by_id(connection, row.id))

    def _record(self, connection: Connection, action: str, username: str, details: str | None = None) -> None:
        record_event(connection, self._operator, action, username, details)
        connection.info[_EVENTS].append((action, username))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translate_database_errors(), begin_write(self._engine) as connection:
            events: list[tuple[str, str]] = []
            connection.info[_EVENTS] = events
            try:
                yield connection
            except IntegrityError as error:
                if _NAME_TAKEN.search(str(error.orig)):  # by somebody who was faster than we
                    raise UserExists from None
                raise
        for action, username in events:  # now that it has happened
            log.info("%s: %a by %a", action, username, self._operator)


def _there(row: UserRow | None) -> UserRow:
    if row is None:
        raise NoSuchUser
    return row


def _locked(connection: Connection, user_ref: UserRef, version: str | None = None) -> UserRow:
    """Return the user as they are, whom nobody else can change until the transaction ends."""
    first = _there(by_id(connection, user_ref) if isinstance(user_ref, int) else find_by_name(connection, user_ref))
    connection.execute(select(users.c.id).where(users.c.id == first.id).with_for_update())
    row = _there(by_id(connection, first.id))
    if version not in {None, row.version}:
        raise UserChanged
    return row


def _write(connection: Connection, row: UserRow, wanted: UserRow) -> None:
    if (row.username, row.email) != (wanted.username, wanted.email):
        _refuse_taken(connection, wanted.username, wanted.email, row.id)
    # Roles are in other tables, but a change of them is a change of the user.
    _update(connection, row, **_name_columns(wanted.username, wanted.email), active=wanted.active)
    _take_roles(connection, row.id, {*row.roles} - {*wanted.roles})
    _give_roles(connection, row.id, {*wanted.roles} - {*row.roles})
    if row.username != wanted.username or not wanted.active:
        end_user_sessions(connection, row.username, PROVIDER)


def _update(connection: Connection, row: UserRow, **values: object) -> None:
    connection.execute(update(users).where(users.c.id == row.id).values(**values))


def _name_columns(username: str, email: str | None) -> dict[str, str | None]:
    folded = {"username_folded": casefold_name(username), "email_folded": casefold_name(email) if email else None}
    return {"username": username, "email": email, **folded}


def _refuse_taken(connection: Connection, username: str, email: str | None, user_id: int | None = None) -> None:
    """Raise UserExists if another user goes by one of these names.

    The database keeps usernames apart and addresses apart, but not the one from the other.
    """
    names = [casefold_name(name) for name in (username, email) if name]
    if connection.dialect.name == "postgresql":
        _reserve(connection, names)
    taken = or_(users.c.username_folded.in_(names), users.c.email_folded.in_(names))
    if connection.scalar(select(exists().where(taken, users.c.id != (user_id or 0)))):
        raise UserExists


def _reserve(connection: Connection, names: Iterable[str]) -> None:
    """Wait for whoever else is about to take one of these names, as two would not see each other."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(IMPORT_LOCK)))
    for key in sorted({crc32(name.encode()) - 2**31 for name in names}):  # in one order, lest two wait for each other
        connection.execute(select(func.pg_advisory_xact_lock(_NAMES, key)))


def _is_admin(row: UserRow) -> bool:
    return row.active and ADMIN in row.roles


def _keep_an_admin(connection: Connection, row: UserRow) -> None:
    """Raise LastAdmin if this user is the only active one with the role `admin`."""
    if not _is_admin(row):
        return
    # Whoever comes here waits for the others, else two admins could put each other out at once.
    role_id = connection.scalar(select(roles.c.id).where(roles.c.name == ADMIN).with_for_update(key_share=True))
    others = select(user_roles.c.user_id).where(user_roles.c.role_id == role_id, user_roles.c.user_id != row.id)
    if not connection.scalar(select(exists().where(users.c.id.in_(others), users.c.active.is_(True)))):
        raise LastAdmin


def _differences(row: UserRow, wanted: UserRow) -> Iterator[tuple[str, str | None]]:
    """Yield the action and the details of every audit event that a change is worth."""
    if row.username != wanted.username:
        yield "user_renamed", f"was {row.username}"
    if row.email != wanted.email:
        yield "email_changed", f"was {row.email or 'none'}"
    granted, revoked = {*wanted.roles} - {*row.roles}, {*row.roles} - {*wanted.roles}
    if granted or revoked:
        yield (
            "roles_changed",
            " ".join([*(f"+{name}" for name in sorted(granted)), *(f"-{name}" for name in sorted(revoked))]),
        )
    if row.active != wanted.active:
        yield "user_enabled" if wanted.active else "user_disabled", None


def _give_roles(connection: Connection, user_id: int, names: Iterable[str]) -> None:
    ordered = sorted(names)
    if ordered:
        ensure_roles(connection, ordered)
        held = select(literal(user_id), roles.c.id).where(roles.c.name.in_(ordered))
        connection.execute(insert(user_roles).from_select(["user_id", "role_id"], held))


def ensure_roles(connection: Connection, names: Iterable[str]) -> None:
    """Add the roles that are not there yet. Another transaction may be adding the same: theirs will do."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(dialect.insert(roles).on_conflict_do_nothing(), [{"name": name} for name in sorted(names)])


def _take_roles(connection: Connection, user_id: int, names: Iterable[str]) -> None:
    taken = select(roles.c.id).where(roles.c.name.in_([*names]))
    connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id, user_roles.c.role_id.in_(taken)))
