"""Reading the user table: lookups, pages, counts and history. The only writes are those of a login."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Engine, bindparam, exists, func, literal, select, update
from sqlalchemy.exc import DBAPIError

from config.service_settings import USER_TABLE_PROVIDER
from database.audit import AuditEvent, events_of_user, newest_events
from database.engine import begin_snapshot, limit_statements
from database.error_translation import translate_database_errors
from database.errors import DatabaseUnavailable, NoSuchUser
from database.session_table import replace_stamp
from database.tables import roles, users
from database.user_filter import UserFilter
from database.user_pages import fetch_page, position
from database.user_roles import RoleCount, role_counts
from database.user_row import PasswordReset, UserRow, user_by_id, user_by_login, user_by_username

USERS_PER_QUERY = 2_000
HASHES_PER_QUERY = 20_000
_SEARCH_TIMEOUT_SECONDS = 60

# Built once: building a statement costs more than executing it.
# The user at each of `size` equidistant ids, or the next user.
_position = select(literal(0, BigInteger).label("number")).cte("position", recursive=True)
_position = _position.union_all(select(_position.c.number + 1).where(_position.c.number + 1 < bindparam("size")))
_hash_at_position = (
    select(users.c.password_hash)
    .where(users.c.id > _position.c.number * select(func.max(users.c.id)).scalar_subquery() // bindparam("size"))
    .order_by(users.c.id)
    .limit(1)
    .correlate(_position)
)
_select_hash_sample = select(_hash_at_position.scalar_subquery()).select_from(_position).order_by(_position.c.number)
# A login is not an edit, so `updated_at` does not change.
_update_login = (
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("old_hash"))
    .values(last_login_at=bindparam("now"), password_hash=bindparam("new_hash"), updated_at=users.c.updated_at)
)


@dataclass(frozen=True, slots=True)
class StoredHash:
    """The password hash of a user."""

    user_id: int
    username: str
    password_hash: str = field(repr=False)
    active: bool


_select_reset = select(users.c.reset_code_hash, users.c.reset_expires_at).where(users.c.id == bindparam("user_id"))
_select_hashes = select(users.c.id, users.c.username, users.c.password_hash, users.c.active).order_by(users.c.id)


class UserTable:
    """Reads the users of one database, and records their logins. `UserEditor` edits them. Thread-safe.

    Every method raises DatabaseUnavailable if the database cannot be used.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_by_login(self, login: str) -> UserRow | None:
        """Return the user with this username, otherwise the user with this email, ignoring case."""
        return user_by_login(self._engine, login)

    def find(self, username: str) -> UserRow | None:
        """Return the user with this username, ignoring case."""
        return user_by_username(self._engine, username)

    def require(self, login: str) -> UserRow:
        """Return the user that `find_by_login` returns. Raises NoSuchUser if there is none."""
        row = self.find_by_login(login)
        if row is None:
            raise NoSuchUser
        return row

    def reset_of(self, login: str) -> PasswordReset | None:
        """Return the user that `find_by_login` returns, with their reset code. The queries are always the same."""
        with self._begin() as connection:
            row = user_by_login(connection, login)
            code = connection.execute(_select_reset, {"user_id": row.id if row else 0}).one_or_none()
        return PasswordReset(row, *code) if row and code else None

    def get(self, user_id: int) -> UserRow | None:
        """Return the user with this id."""
        return user_by_id(self._engine, user_id)

    def page(self, user_filter: UserFilter, limit: int, after: str | int | None = None) -> list[UserRow]:
        """Return the first `limit` matching users after a position.

        `after` is the username of the previous user, or the id if the filter sorts by `created`.
        """
        with self._begin() as connection:
            if user_filter.search:  # it may have to read the whole table
                limit_statements(connection, _SEARCH_TIMEOUT_SECONDS)
            return fetch_page(connection, user_filter, limit, after)

    def iterate(self, user_filter: UserFilter, after: str | int | None = None) -> Iterator[UserRow]:
        """Yield every user that matches, from one snapshot of the table; `after` as in `page`."""
        with translate_database_errors(), begin_snapshot(self._engine) as connection:
            while page := fetch_page(connection, user_filter, USERS_PER_QUERY, after):
                yield from page
                after = position(page[-1], user_filter)

    def password_hashes(self) -> Iterator[list[StoredHash]]:
        """Yield the password hashes of all users, in lists ordered by user id, from one snapshot of the table."""
        last_id = 0
        with translate_database_errors(), begin_snapshot(self._engine) as connection:
            while rows := connection.execute(_select_hashes.where(users.c.id > last_id).limit(HASHES_PER_QUERY)).all():
                yield [StoredHash(*row) for row in rows]
                last_id = rows[-1].id

    def newest_hashes(self, limit: int) -> list[str]:
        """Return the password hashes of the users who were added last."""
        with self._begin() as connection:
            return [*connection.scalars(select(users.c.password_hash).order_by(users.c.id.desc()).limit(limit))]

    def count(self, active: bool | None = None) -> int:
        """Return the number of users, or of the active or disabled ones."""
        counted = select(func.count()).select_from(users)
        with self._begin() as connection:
            return connection.scalar(counted if active is None else counted.where(users.c.active.is_(active))) or 0

    def is_empty(self) -> bool:
        """Return whether the table has no users."""
        with self._begin() as connection:
            return not connection.scalar(select(exists(select(users.c.id))))

    def role_counts(self) -> list[RoleCount]:
        """Return the number of users of each role."""
        with self._begin() as connection:
            return role_counts(connection)

    def role_names(self) -> frozenset[str]:
        """Return the names of all roles, including those that no user has."""
        with self._begin() as connection:
            return frozenset(connection.scalars(select(roles.c.name)))

    def history(self, username: str | None = None, limit: int | None = None) -> list[AuditEvent]:
        """Return the newest audit events, newest first: of all users, or of this username; `None`: without a limit.

        The events of a username are those of the user who has it now, also under former names, and those of other
        users who had it.
        """
        with self._begin() as connection:
            row = user_by_username(connection, username) if username else None
            return newest_events(connection, limit, username, row.id if row else None)

    def history_of(self, user_id: int, limit: int | None = None) -> list[AuditEvent]:
        """Return the newest audit events of this user, newest first, also those under former names."""
        with self._begin() as connection:
            return events_of_user(connection, user_id, limit)

    def sample_hashes(self, size: int) -> list[str]:
        """Return the password hashes of `size` users who are distributed over the table.

        The hashes of a smaller table are repeated; an empty table has none.
        """
        with self._begin() as connection:
            hashes = connection.scalars(_select_hash_sample, {"size": size})
            return [stored for stored in hashes if stored is not None]

    def record_login(
        self, row: UserRow, now: datetime, password_hash: str, stamps: tuple[str, str] | None = None
    ) -> bool:
        """Store the time of a login, and the hash that replaces the one in `row`.

        `stamps` are the credential stamps of both hashes, if they differ: the password is the same, so the second stamp
        replaces the first in the user's sessions. Return False, and store nothing, if the user's password hash has
        changed since `row` was read.
        """
        values = {"user_id": row.id, "old_hash": row.password_hash, "now": now, "new_hash": password_hash}
        try:
            with self._begin() as connection:
                recorded = connection.execute(_update_login, values).rowcount == 1
                if recorded and stamps:
                    replace_stamp(connection, row.username, USER_TABLE_PROVIDER, *stamps)
                return recorded
        except DBAPIError as error:
            # The operator may have added a constraint or a trigger. The database's message may contain the row.
            raise DatabaseUnavailable(f"it rejects the write: {type(error).__name__}") from None

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with translate_database_errors(), self._engine.begin() as connection:
            yield connection
