"""How long rows are kept, and the deletion of those that are kept no longer."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, select

from audit.events import Event
from database.audit import logged_after_commit, record_event
from database.clock import earliest_time
from database.engine import limit_statements
from database.error_translation import translate_database_errors
from database.expiry import EXPIRIES, expired
from database.tables import audit_events

ROWS_PER_TRANSACTION = 5_000
"""Few, so that a service on the same database does not wait for long."""
_STATEMENT_SECONDS = 60  # the last statement may read a whole table


class Pruning:
    """Deletes expired rows, and audit events that are older than a time; `None` keeps all events.

    Every method raises DatabaseUnavailable.
    """

    def __init__(self, engine: Engine, events_before: datetime | None) -> None:
        self._engine = engine
        self._events_before = events_before
        now = earliest_time()
        self._conditions: dict[Table, ColumnElement[bool]] = {table: expired(table, now) for table in EXPIRIES}
        if events_before is not None:
            self._conditions[audit_events] = audit_events.c.at < events_before

    def count(self) -> dict[str, int]:
        """Return how many rows of each table would be deleted, by the name of the table."""
        with translate_database_errors(), self._engine.begin() as connection:
            limit_statements(connection, _STATEMENT_SECONDS)
            return {table.name: _count(connection, table, condition) for table, condition in self._conditions.items()}

    def run(self, operator: str) -> Iterator[tuple[str, int]]:
        """Delete the rows, and yield the name of the table and the number of rows of each transaction.

        The deletion of audit events is an audit event, also if it is interrupted.
        """
        for table, condition in self._conditions.items():
            deleted = 0
            try:
                while rows := self._delete_some(table, condition):
                    deleted += rows
                    yield table.name, rows
            finally:
                if table is audit_events and deleted:
                    self._record(operator, deleted)

    def _delete_some(self, table: Table, condition: ColumnElement[bool]) -> int:
        (key,) = table.primary_key
        chosen = select(key).where(condition).order_by(key).limit(ROWS_PER_TRANSACTION)
        with translate_database_errors(), self._engine.begin() as connection:
            limit_statements(connection, _STATEMENT_SECONDS)
            return connection.execute(delete(table).where(key.in_(chosen))).rowcount

    def _record(self, operator: str, deleted: int) -> None:
        details = f"{deleted} events before {self._events_before:%Y-%m-%d %H:%M:%S} UTC"
        with translate_database_errors(), logged_after_commit(self._engine.begin()) as connection:
            record_event(connection, operator, Event.EVENTS_PRUNED, None, details)


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(condition)) or 0
