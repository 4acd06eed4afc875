"""The import of many users: staged in temporary tables, checked as sets, and written in one transaction."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from audit.events import Event
from database.advisory_locks import IMPORT_LOCK
from database.audit import logged_after_commit, record_event
from database.engine import limit_statements
from database.error_translation import translate_database_errors
from database.errors import UserExists
from database.import_groups import GroupImport
from database.import_tables import (
    CONCURRENT_CONFLICTS,
    CONFLICTS,
    INDEXES,
    Conflict,
    Kind,
    candidates,
    excluded,
    granted_roles,
    load_rows,
    not_excluded,
    role_sets,
    staging,
)
from database.tables import NO_PASSWORD, user_roles, users
from database.user_roles import ensure_roles

CHUNK_ROWS = 50_000
"""How many rows one statement writes, or one query reads."""


class CandidateUser(NamedTuple):
    """A user to import, whose names and hash are valid."""

    position: int
    username: str
    username_folded: str
    email: str | None
    email_folded: str | None
    password_hash: str
    active: bool
    weak: bool
    role_set: int
    """The number that `StagedImport.add_role_set` returned for the roles."""


class ExcludedRow(NamedTuple):
    """A row that is not imported."""

    position: int
    kind: Kind
    reason: str
    other: int | None = None
    """The position of the other row that is the reason."""


class ExclusionReason(NamedTuple):
    """A reason why rows are not imported, and the rows that it concerns."""

    reason: str
    kind: Kind
    rows: int
    first: int
    """The position of the first of these rows."""


class ImportReport(NamedTuple):
    """The number of rows of each kind. Every row is accepted, rejected, existing or different."""

    accepted: int
    weak: int
    """Accepted rows whose hash is replaced at the user's next login."""
    no_password: int
    """Accepted rows of users who cannot log in until they have a password."""
    rejected: int
    existing: int
    """Rows of users that are in the table already."""
    different: int
    """Rows of users that are in the table already, with another password, role or state. They are not changed."""


class StagedImport:
    """An import in progress. Not thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.groups = GroupImport(connection)
        self._last_role_set = 0
        self._new_role_sets: list[tuple[int, str]] = []
        self._created_at = datetime.now(UTC)

    def add_role_set(self, names: Collection[str]) -> int:
        """Return a number for these distinct roles. Every call stores them again, so reuse the number."""
        self._last_role_set += 1
        self._new_role_sets += [(self._last_role_set, name) for name in names]
        return self._last_role_set

    def stage(self, candidate_users: Sequence[CandidateUser], rejected: Sequence[ExcludedRow]) -> None:
        """Store rows in the temporary tables. Takes no lock that another connection waits for."""
        for table, rows in ((candidates, candidate_users), (role_sets, self._new_role_sets), (excluded, rejected)):
            if rows:
                load_rows(self._connection, table, rows)
        self._new_role_sets = []

    def check_conflicts(self) -> ImportReport:
        """Exclude existing users, and users whose names are taken; return the number of rows of each kind."""
        for index in INDEXES:
            self._connection.exec_driver_sql(index)
        if self._connection.dialect.name == "sqlite":
            # Begin the write transaction before the user table is read: from now on, no other process can change it.
            self._connection.execute(text("UPDATE latchkey_users SET id = id WHERE false"))
        else:
            self._connection.execute(text("ANALYZE candidates, role_sets"))
        self.groups.resolve()
        for conflict in CONFLICTS:
            self._exclude(conflict)
        return self._report()

    def exclusion_reasons(self) -> list[ExclusionReason]:
        """Return every reason why rows are rejected or different, the most frequent first."""
        count = func.count().label("count")
        reasons = select(excluded.c.reason, excluded.c.kind, count, func.min(excluded.c.position).label("first"))
        reasons = reasons.where(excluded.c.kind != "existing").group_by(excluded.c.reason, excluded.c.kind)
        return [ExclusionReason(*row) for row in self._connection.execute(reasons.order_by(count.desc(), "first"))]

    def excluded_rows(self, *kinds: Kind) -> Iterator[ExcludedRow]:
        """Yield every row of these kinds, ordered by position."""
        last = 0
        query = select(excluded).where(excluded.c.kind.in_(kinds)).order_by(excluded.c.position).limit(CHUNK_ROWS)
        while rows := self._connection.execute(query.where(excluded.c.position > last)).all():
            yield from (ExcludedRow(*row) for row in rows)
            last = rows[-1].position

    def write_users(self) -> Iterator[int]:
        """Write the accepted users in chunks, and yield the number of users of each chunk.

        Raises UserExists if another process has added one of them in the meantime.
        """
        accepted_sets = role_sets.c.number.in_(select(candidates.c.role_set).where(not_excluded))
        if names := self._connection.scalars(select(role_sets.c.role).distinct().where(accepted_sets)).all():
            ensure_roles(self._connection, names)
        self.groups.ensure_roles()
        last = self._connection.scalar(select(func.max(candidates.c.position))) or 0
        for begin in range(1, last + 1, CHUNK_ROWS):
            chunk = and_(candidates.c.position.between(begin, begin + CHUNK_ROWS - 1), not_excluded)
            try:
                written = _write_chunk(self._connection, chunk, self._created_at)
                self.groups.write_roles(chunk)
                yield written
            except IntegrityError:
                raise UserExists from None
        self._check_concurrent_conflicts()

    def record_audit_event(self, operator: str, details: str) -> None:
        """Record the whole import as one audit event, at the time at which its users were created."""
        record_event(self._connection, operator, Event.USERS_IMPORTED, None, details, at=self._created_at)

    def _check_concurrent_conflicts(self) -> None:
        """Raise UserExists if another process has added a username that is an email in this import, or the reverse."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(select(func.pg_advisory_xact_lock(IMPORT_LOCK)))
            for condition in CONCURRENT_CONFLICTS:
                taken = exists().where(condition, not_excluded).select_from(candidates)
                if self._connection.scalar(select(taken)):
                    raise UserExists

    def _exclude(self, conflict: Conflict) -> None:
        other = null() if conflict.other is None else conflict.other
        columns = (literal(conflict.kind, Text), literal(conflict.reason, Text), cast(other, Integer))
        rows = select(candidates.c.position, *columns).where(conflict.condition, not_excluded)
        self._connection.execute(insert(excluded).from_select(["position", "kind", "reason", "other"], rows))

    def _report(self) -> ImportReport:
        count = self._connection.scalar
        accepted = select(func.count()).select_from(candidates).where(not_excluded)
        kinds = select(excluded.c.kind, func.count()).group_by(excluded.c.kind)
        others = {row.kind: row[1] for row in self._connection.execute(kinds)}
        return ImportReport(
            accepted=count(accepted) or 0,
            weak=count(accepted.where(candidates.c.weak)) or 0,
            no_password=count(accepted.where(candidates.c.password_hash == NO_PASSWORD)) or 0,
            rejected=others.get("rejected", 0),
            existing=others.get("existing", 0),
            different=others.get("different", 0),
        )


@contextmanager
def open_import(engine: Engine) -> Iterator[StagedImport]:
    """Begin an import in one transaction: it is committed when the context ends, and rolled back on any exception.

    Raises DatabaseUnavailable.
    """
    with translate_database_errors(), logged_after_commit(engine.begin()) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("PRAGMA cache_size = -65536")  # KiB, for indexes that are filled out of order
        else:
            limit_statements(connection, None)
            for setting in ("temp_buffers", "work_mem", "maintenance_work_mem"):
                connection.exec_driver_sql(f"SET LOCAL {setting} = '64MB'")
        staging.create_all(connection, checkfirst=False)
        yield StagedImport(connection)
        staging.drop_all(connection, checkfirst=False)


def _write_chunk(connection: Connection, chunk: ColumnElement[bool], now: datetime) -> int:
    columns = ["username", "username_folded", "email", "email_folded", "password_hash", "active"]
    times = [literal(now, users.c.created_at.type), literal(now, users.c.updated_at.type)]
    rows = select(*(candidates.c[name] for name in columns), *times).where(chunk).order_by(candidates.c.position)
    into = insert(users).from_select([*columns, "created_at", "updated_at"], rows)
    written = connection.execute(into.execution_options(preserve_rowcount=True)).rowcount
    memberships = granted_roles(role_sets, role_sets.c.number == candidates.c.role_set, chunk)
    connection.execute(insert(user_roles).from_select(["user_id", "role_id"], memberships))
    return written
