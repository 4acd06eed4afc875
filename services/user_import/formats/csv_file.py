"""Users as comma-separated values, with a header (RFC 4180)."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import StringIO
from operator import itemgetter
from typing import BinaryIO, NamedTuple, TextIO

from services.user_import.formats.entries import Entry, InvalidEntry, UnreadableFile, UserFields, parse_entry
from services.user_import.formats.formulas import escape_formula, unescape_formula
from services.user_import.formats.text_lines import text_lines

position_name = "line"

_REQUIRED = ("username", "password_hash")
_COLUMNS = UserFields._fields
_REASON = "rejected"
_ACTIVE = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Row(NamedTuple):
    """A row without the cell of the column _REASON."""

    columns: tuple[str, ...]
    cells: list[str]


def read(file: BinaryIO) -> Iterator[Entry]:
    """Yield the users, see UserFormat. The cell `roles` is itself a row of comma-separated values."""
    rows = _numbered_rows(file)
    header = [name.strip() for name in next(rows, (1, []))[1]]
    _check_header(header)
    # The index counts from the end, where `rejected_writer` adds the reason: a row may have too many or too few cells.
    reason = header.index(_REASON) - len(header) if _REASON in header else None
    columns = tuple(name for name in header if name != _REASON)
    parse = _row_parser(columns)
    for line, cells in rows:
        if reason and len(cells) >= -reason:
            del cells[reason]
        yield parse_entry(line, parse, _Row(columns, [*map(unescape_formula, cells)]))


def _numbered_rows(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it begins."""
    line = 1
    reader = csv.reader(text_lines(file), strict=True)
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        raise UnreadableFile(
            f"the row that begins on line {line} is not CSV: a quote is not closed, a quote inside a cell is not "
            f"doubled, or a cell is longer than {csv.field_size_limit()} characters"
        ) from None


def _check_header(header: list[str]) -> None:
    # Without a header, the first line is a user: if a column is missing, the message shows nothing of the line.
    if missing := [name for name in _REQUIRED if name not in header]:
        raise UnreadableFile(
            f"the first line does not name the columns, comma-separated: it lacks {', '.join(missing)}"
        )
    for name in header:
        if name not in (*_COLUMNS, _REASON):
            raise UnreadableFile(f"the column {name[:50]!r} is unknown. The columns are {', '.join(_COLUMNS)}")
    if len(set(header)) < len(header):
        raise UnreadableFile("two columns have the same name")


def _row_parser(columns: tuple[str, ...]) -> Callable[[_Row], UserFields]:
    """Return the function that parses a row with these columns, in any order."""
    # The index of a missing column is -1: the empty cell that `parse` appends.
    pick = itemgetter(*(columns.index(name) if name in columns else -1 for name in _COLUMNS))

    def parse(row: _Row) -> UserFields:
        if len(row.cells) != len(columns):
            raise InvalidEntry(f"the row has {len(row.cells)} cells, not {len(columns)}")
        username, email, password_hash, roles, active = pick([*row.cells, ""])
        enabled = _ACTIVE.get(active.strip().lower())
        if enabled is None:
            raise InvalidEntry("`active` is neither true nor false")
        return UserFields(username, email or None, password_hash, _parse_roles(roles) if roles else (), enabled)

    return parse


@lru_cache(256)
def _parse_roles(cell: str) -> tuple[str, ...]:
    try:
        rows = list(csv.reader([cell], strict=True, skipinitialspace=True))
    except csv.Error:
        raise InvalidEntry("`roles` is not a comma-separated list of names") from None
    return tuple(name for row in rows for name in map(str.strip, row) if name)


@contextmanager
def rejected_writer(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, see UserFormat, with the reason in the last column."""
    writer = csv.writer(file)
    columns = None

    def write(entry: Entry, reason: str) -> None:
        nonlocal columns
        if columns is None:
            columns = entry.source.columns
            writer.writerow([*columns, _REASON])
        # A row with too many cells or too few keeps its number of cells, so it stays invalid until it is fixed.
        writer.writerow(map(escape_formula, (*entry.source.cells, reason)))

    yield write


def user_writer(file: TextIO) -> Callable[[UserFields], None]:
    """Write the header, and return the function that writes a user as a row."""
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)

    def write(user: UserFields) -> None:
        active = "true" if user.active else "false"
        cells = (user.username, user.email or "", user.password_hash, format_roles(user.roles), active)
        writer.writerow(map(escape_formula, cells))

    return write


def format_roles(roles: tuple[str, ...]) -> str:
    """Return the roles as one cell: a row of comma-separated values."""
    cell = StringIO()
    csv.writer(cell).writerow(roles)
    return cell.getvalue().removesuffix("\r\n")
