"""Statements that read or write by a key: compiled once, and executed by the driver itself.

SQLAlchemy takes four times the instructions of the driver to execute a compiled statement: it creates a connection, a
transaction and a result, and finds the compiled statement and its types again. See docs/decisions/0057.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Engine, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from database.engine import begin_statement

Source = Engine | Connection
"""Where a statement is executed: in a transaction of its own, or in the one of a connection."""
Values = Mapping[str, Any]
_Converter = Callable[[Any], Any]


class _Compiled(NamedTuple):
    """A statement in the SQL of one dialect, with the converters of its values and of its columns."""

    text: str
    constants: Values
    """The values that are part of the statement."""
    positions: list[str] | None
    """The names of the values, in the order of the text; None if the text names them."""
    of_values: list[tuple[str, _Converter]]
    of_columns: list[tuple[int, _Converter]]

    def arguments(self, values: Values) -> Any:
        """Return the values as the driver takes them."""
        given = {**self.constants, **values}
        for name, convert in self.of_values:
            given[name] = convert(given[name])
        return given if self.positions is None else [given[name] for name in self.positions]

    def row(self, found: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the row that the driver has found, as SQLAlchemy returns it."""
        row = [*found]
        for place, convert in self.of_columns:
            row[place] = convert(row[place])
        return tuple(row)


class PreparedStatement:
    """A statement that is executed often. Thread-safe.

    In a transaction of its own, the driver executes it, with PostgreSQL in one round trip: see `begin_statement`, which
    says for which statements this is. Listeners of SQLAlchemy's events do not see it. Every method can raise
    DatabaseUnavailable.
    """

    def __init__(self, statement: Any) -> None:
        """`statement` is one of SQLAlchemy, whose values are bound by name: no default of a column is among them."""
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, source: Source, values: Values, shared_lock: int | None = None) -> Sequence[Sequence[Any]]:
        """Return the rows that a query finds. `shared_lock` is for a transaction of its own, see `begin_statement`."""
        if isinstance(source, Connection):
            return source.execute(self._statement, values).all()
        compiled = self._compile(source.dialect)
        with begin_statement(source, shared_lock) as cursor:
            cursor.execute(compiled.text, compiled.arguments(values))
            found = cursor.fetchall()
        return [*map(compiled.row, found)]

    def execute(self, engine: Engine, values: Values) -> int:
        """Return how many rows an update changes."""
        compiled = self._compile(engine.dialect)
        with begin_statement(engine) as cursor:
            cursor.execute(compiled.text, compiled.arguments(values))
            changed: int = cursor.rowcount
        return changed

    def _compile(self, dialect: Dialect) -> _Compiled:
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = _compile(self._statement, dialect)
        return self._compiled[dialect.name]


def _compile(statement: Any, dialect: Dialect) -> _Compiled:
    compiled: SQLCompiler = statement.compile(dialect=dialect)
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    of_values = (
        (name, _dialect_type(bind.type, dialect).bind_processor(dialect)) for bind, name in compiled.bind_names.items()
    )
    of_columns = (_dialect_type(column.type, dialect).result_processor(dialect, None) for column in columns)
    return _Compiled(
        text=str(compiled),
        constants=compiled.params,
        positions=compiled.positiontup,
        of_values=[(name, convert) for name, convert in of_values if convert],
        of_columns=[(place, convert) for place, convert in enumerate(of_columns) if convert],
    )


def _dialect_type(general: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return general.dialect_impl(dialect)
