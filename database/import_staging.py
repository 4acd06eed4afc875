"""Many users at once: staged in tables of the connection's own, judged as sets, written in one transaction."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    exists,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from database.advisory_locks import IMPORT_LOCK
from database.audit import record_event
from database.error_translation import translate_database_errors
from database.errors import UserExists
from database.tables import roles, user_roles, users
from database.user_roles import ensure_roles

CHUNK = 50_000
"""Rows written at a time."""

_staging = MetaData()


def _temporary(name: str, *columns: Column[Any]) -> Table:
    return Table(name, _staging, *columns, prefixes=["TEMPORARY"])


_incoming = _temporary(
    "incoming",
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False),
    Column("email", Text),
    Column("email_folded", Text),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("weak", Boolean, nullable=False),
    Column("role_set", Integer, nullable=False),
)
# Most users have the same roles as many others.
_role_sets = _temporary(
    "role_sets",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
)
# Who is not to be written, and why; no reason says that they are there already.
_set_aside = _temporary(
    "set_aside", Column("place", Integer, primary_key=True, autoincrement=False), Column("reason", Text)
)
# Made when the rows are there, which is faster.
_INDEXES = (
    "CREATE INDEX incoming_username ON incoming (username_folded)",
    "CREATE INDEX incoming_email ON incoming (email_folded)",
)


class Candidate(NamedTuple):
    """A user who may be written. The names are good, and so is the hash."""

    place: int
    username: str
    username_folded: str
    email: str | None
    email_folded: str | None
    password_hash: str
    active: bool
    weak: bool
    role_set: int
    """What `UserImport.role_set` has given for the roles."""


class Refusal(NamedTuple):
    """A row that is not to be written."""

    place: int
    reason: str


class Report(NamedTuple):
    """How many rows are what; they are all there are."""

    accepted: int
    weak: int
    """Of the accepted: users whose hash will be replaced at their next login."""
    refused: int
    duplicates: int
    """Users who are in the table already, and stay as they are."""


class UserImport:
    """An import that is under way. It belongs to one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sets = 0
        self._new_sets: list[tuple[int, str]] = []

    def role_set(self, names: Collection[str]) -> int:
        """Return a number for these roles, each there once; ask seldom, as each number takes room."""
        self._sets += 1
        self._new_sets += [(self._sets, name) for name in names]
        return self._sets

    def stage(self, candidates: Sequence[Candidate], refusals: Sequence[Refusal]) -> None:
        """Take in some users, and who was refused; nobody else waits for it."""
        for table, rows in ((_incoming, candidates), (_role_sets, self._new_sets), (_set_aside, refusals)):
            if rows:
                _load(self._connection, table, rows)
        self._new_sets = []

    def judge(self) -> Report:
        """Set aside who is in the table already, and who has a name of somebody else; say how it stands."""
        for index in _INDEXES:
            self._connection.exec_driver_sql(index)
        if self._connection.dialect.name == "sqlite":
            # The first look at the table itself: from now on nobody else writes, and what we see stays so.
            self._connection.execute(text("UPDATE users SET id = id WHERE false"))
        else:
            self._connection.execute(text("ANALYZE incoming, role_sets"))
        for condition, reason in _FAULTS:
            places = select(_incoming.c.place, literal(reason, Text) if reason else null()).where(condition, _remaining)
            self._connection.execute(insert(_set_aside).from_select(["place", "reason"], places))
        return self._report()

    def reasons(self) -> list[tuple[str, int, int]]:
        """Return every reason for a refusal, how often it was given, and the first place; the commonest first."""
        count = func.count().label("count")
        reasons = select(_set_aside.c.reason, count, func.min(_set_aside.c.place)).group_by(_set_aside.c.reason)
        rows = self._connection.execute(reasons.where(_set_aside.c.reason.is_not(None)).order_by(count.desc()))
        return [(row[0], row[1], row[2]) for row in rows]

    def refusals(self) -> Iterator[Refusal]:
        """Yield every refusal, by place."""
        last = 0
        refused = select(_set_aside).where(_set_aside.c.reason.is_not(None)).order_by(_set_aside.c.place).limit(CHUNK)
        while rows := self._connection.execute(refused.where(_set_aside.c.place > last)).all():
            yield from (Refusal(*row) for row in rows)
            last = rows[-1].place

    def write(self) -> Iterator[int]:
        """Write who is accepted; yields how many more are written, as it goes on.

        Raises UserExists if somebody has added one of them meanwhile.
        """
        held = _role_sets.c.number.in_(select(_incoming.c.role_set).where(_remaining))
        names = select(_role_sets.c.role).distinct().where(held)
        if found := self._connection.scalars(names).all():
            ensure_roles(self._connection, found)
        now, last = datetime.now(UTC), self._connection.scalar(select(func.max(_incoming.c.place))) or 0
        for begin in range(1, last + 1, CHUNK):
            try:
                yield _write(self._connection, begin, now)
            except IntegrityError:
                raise UserExists from None
        self._refuse_taken()

    def done(self, operator: str, details: str) -> None:
        """Leave an audit event of all of it."""
        record_event(self._connection, operator, "users_imported", None, details)

    def _refuse_taken(self) -> None:
        """Raise UserExists if somebody has taken a name meanwhile that the database does not keep apart itself."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(select(func.pg_advisory_xact_lock(IMPORT_LOCK)))
            for name, column in ((_username, _user.c.email_folded), (_email, _user.c.username_folded)):
                others = exists().where(column == name, _OF_OTHERS)
                if self._connection.scalar(select(exists().where(others, _remaining).select_from(_incoming))):
                    raise UserExists

    def _report(self) -> Report:
        ask = self._connection.scalar
        accepted = select(func.count()).select_from(_incoming).where(_remaining)
        aside = select(func.count()).select_from(_set_aside)
        return Report(
            ask(accepted) or 0,
            ask(accepted.where(_incoming.c.weak)) or 0,
            ask(aside.where(_set_aside.c.reason.is_not(None))) or 0,
            ask(aside.where(_set_aside.c.reason.is_(None))) or 0,
        )


@contextmanager
def importing(engine: Engine) -> Iterator[UserImport]:
    """Begin an import. What it wrote is there when the context is left, all of it; nothing is if anything is raised.

    Raises DatabaseUnavailable.
    """
    with translate_database_errors(), engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("PRAGMA cache_size = -65536")  # KiB, for indexes that are filled out of order
        else:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            for setting in ("temp_buffers", "work_mem", "maintenance_work_mem"):
                connection.exec_driver_sql(f"SET LOCAL {setting} = '64MB'")
        _staging.create_all(connection, checkfirst=False)
        yield UserImport(connection)
        _staging.drop_all(connection, checkfirst=False)


# Rows that another transaction wrote (PostgreSQL).
_OF_OTHERS = literal_column('"user".xmin <> pg_current_xact_id()::xid', Boolean)
_earlier, _user = _incoming.alias("earlier"), users.alias("user")
_remaining = ~exists().where(_set_aside.c.place == _incoming.c.place)


def _known(name: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(column == name)


def _before(name: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(column == name, _earlier.c.place < _incoming.c.place)


_username, _email = _incoming.c.username_folded, _incoming.c.email_folded
# One look at a time: joined by OR they would be slower than all of these.
_FAULTS: list[tuple[ColumnElement[bool], str | None]] = [
    (_known(_username, _user.c.username_folded), None),
    (_known(_username, _user.c.email_folded), "its username is the e-mail address of somebody in the table"),
    (_known(_email, _user.c.email_folded), "its e-mail address belongs to somebody in the table"),
    (_known(_email, _user.c.username_folded), "its e-mail address is the username of somebody in the table"),
    (_before(_username, _earlier.c.username_folded), "a user before it has the same username"),
    (_before(_email, _earlier.c.email_folded), "a user before it has the same e-mail address"),
    (_before(_username, _earlier.c.email_folded), "its username is the e-mail address of a user before it"),
    (_before(_email, _earlier.c.username_folded), "its e-mail address is the username of a user before it"),
]


def _load(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    names = ", ".join(column.name for column in table.columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({places})", list(rows))  # noqa: S608 - names of ours
        return
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _write(connection: Connection, begin: int, now: datetime) -> int:
    chunk = and_(_incoming.c.place.between(begin, begin + CHUNK - 1), _remaining)
    members = ["username", "username_folded", "email", "email_folded", "password_hash", "active"]
    moments = [literal(now, users.c.created_at.type), literal(now, users.c.updated_at.type)]
    rows = select(*(_incoming.c[name] for name in members), *moments).where(chunk).order_by(_incoming.c.place)
    into = insert(users).from_select([*members, "created_at", "updated_at"], rows)
    written = connection.execute(into.execution_options(preserve_rowcount=True)).rowcount
    held = (
        select(users.c.id, roles.c.id)
        .select_from(_incoming)
        .join(users, users.c.username_folded == _incoming.c.username_folded)
        .join(_role_sets, _role_sets.c.number == _incoming.c.role_set)
        .join(roles, roles.c.name == _role_sets.c.role)
        .where(chunk)
    )
    connection.execute(insert(user_roles).from_select(["user_id", "role_id"], held))
    return written
