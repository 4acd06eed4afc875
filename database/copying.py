"""The copy of an SQLite database into an empty PostgreSQL database: every table, in one transaction."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, Table, exists, func, select, text

from audit.events import Event
from config.service_settings import DatabaseSettings
from database.audit import logged_after_commit, record_event
from database.engine import begin_write, limit_statements, open_engine
from database.error_translation import translate_database_errors
from database.errors import DatabaseUnavailable, InvalidTime
from database.import_tables import load_rows
from database.row_digest import RowDigest
from database.schema import require_head, revision_of, upgrade
from database.tables import metadata

ROWS_PER_BATCH = 5_000

Advance = Callable[[int], None]
"""Called with the number of rows since the last call. Each row counts twice: when it is copied, and compared."""


class TargetNotEmpty(Exception):
    """A table of the target has rows."""


class CopyFailed(Exception):
    """A row cannot be stored in PostgreSQL, or a copied table differs from its original. Nothing was copied."""


def count_rows(file: Path) -> dict[str, int]:
    """Return the number of rows of each table of an SQLite database.

    Raises DatabaseUnavailable, also for another schema revision.
    """
    source = _open_file(file)
    require_head(source)
    with translate_database_errors(), source.begin() as connection:
        return {table.name: _count(connection, table) for table in metadata.sorted_tables}


def copy_database(file: Path, target: Engine, operator: str, advance: Advance) -> None:
    """Copy every table of an SQLite database into an empty PostgreSQL database, then read and compare the copies.

    The tables of the target are created if they are missing. No other process can write to either database meanwhile.
    The copy is an audit event of the target. Raises DatabaseUnavailable, TargetNotEmpty and CopyFailed: then the
    target is empty.
    """
    if revision_of(target) is None:
        upgrade(target)
    require_head(target)
    with (
        translate_database_errors(),
        begin_write(_open_file(file)) as reader,
        logged_after_commit(target.begin()) as writer,
    ):
        limit_statements(writer, None)
        _lock_empty_tables(writer)
        digests = {table: _copy_table(reader, writer, table, advance) for table in metadata.sorted_tables}
        for table, digest in digests.items():
            if _digest(writer, table, advance) != digest:
                raise CopyFailed(f"the copy of the table {table.name} differs")
            _set_sequence(reader, writer, table)
        record_event(writer, operator, Event.DATABASE_COPIED, None, f"from SQLite, {_describe(digests)}")


def _open_file(file: Path) -> Engine:
    url = URL.create("sqlite", database=str(file.resolve())).render_as_string()
    return open_engine(DatabaseSettings(url=SecretStr(url), insecure_tls=False))


def _lock_empty_tables(connection: Connection) -> None:
    names = ", ".join(table.name for table in metadata.sorted_tables)
    connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
    for table in metadata.sorted_tables:
        if connection.scalar(select(exists(select(*table.primary_key)))):
            raise TargetNotEmpty(table.name)


def _copy_table(reader: Connection, writer: Connection, table: Table, advance: Advance) -> RowDigest:
    digest = RowDigest()
    with _translate_row_errors(table, digest):
        for rows in _batches(reader, table):
            load_rows(writer, table, [*_bound(rows, writer, table)])
            digest.add(rows)
            advance(len(rows))
    return digest


def _digest(connection: Connection, table: Table, advance: Advance) -> RowDigest:
    digest = RowDigest()
    for rows in _batches(connection, table):
        digest.add(rows)
        advance(len(rows))
    return digest


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[tuple[Any, ...]]]:
    query = select(table).order_by(*table.primary_key)
    with connection.execute(query, execution_options={"yield_per": ROWS_PER_BATCH}) as result:
        for rows in result.partitions():
            yield [tuple(row) for row in rows]


def _bound(rows: Sequence[tuple[Any, ...]], connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """Yield the rows with the values that the driver of the connection stores."""
    dialect = connection.dialect
    processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns]
    for row in rows:
        yield tuple(process(value) if process else value for process, value in zip(processors, row, strict=True))


def _set_sequence(reader: Connection, writer: Connection, table: Table) -> None:
    """Let the ids of the target continue after the last id that the source has ever given, if it remembers that."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = reader.scalar(select(func.max(column))) or 0
    used = reader.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}) or 0
    if last := max(highest, used):
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        writer.execute(select(func.setval(sequence, last)))


@contextmanager
def _translate_row_errors(table: Table, stored: RowDigest) -> Iterator[None]:
    import psycopg

    # The message of the server may show values of the row; its first line does not.
    try:
        yield
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(str(error).partition("\n")[0]) from None
    except psycopg.Error as error:
        line = re.search(r"\bline (\d+)", error.diag.context or "")
        row = f"row {stored.rows + int(line[1])}" if line else f"a row after row {stored.rows}"
        reason = error.diag.message_primary or type(error).__name__
        raise CopyFailed(f"{row} of the table {table.name} cannot be stored: {reason}") from None
    except (ValueError, TypeError, InvalidTime) as error:
        raise CopyFailed(
            f"a row after row {stored.rows} of the table {table.name} has an invalid value: {type(error).__name__}"
        ) from None


def _describe(digests: dict[Table, RowDigest]) -> str:
    return ", ".join(f"{digest.rows} {table.name}" for table, digest in digests.items())


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0
