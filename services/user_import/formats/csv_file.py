"""Users as comma-separated values (RFC 4180), or separated by semicolons or tabs, with a header."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import StringIO
from itertools import chain
from operator import itemgetter
from typing import BinaryIO, NamedTuple, TextIO

from services.user_import.formats.account_state import column_key, state_reader
from services.user_import.formats.entries import Entry, InvalidEntry, UnreadableFile, UserFields, parse_entry
from services.user_import.formats.findings import Findings
from services.user_import.formats.formulas import escape_formula, unescape_formula
from services.user_import.formats.text_lines import text_lines

position_name = "line"

_COLUMNS = ("username", "email", "password_hash", "roles")
_EXPORTED = (*_COLUMNS, "active")
_KEYS = (*map(column_key, _COLUMNS),)
_REASON = "rejected"
# Spreadsheets in countries with a decimal comma write semicolons.
_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


class _Table(NamedTuple):
    """The header of a file."""

    columns: tuple[str, ...]
    """The columns, without the column _REASON."""
    delimiter: str
    reason: int | None
    """The index of the column _REASON. It counts from the end: a row may have too many or too few cells."""


class _Row(NamedTuple):
    """A row without the cell of the column _REASON."""

    table: _Table
    cells: list[str]


def read(file: BinaryIO, findings: Findings) -> Iterator[Entry]:
    """Yield the users, see UserFormat. The cell `roles` is itself a row of comma-separated values."""
    lines = text_lines(file)
    first, first_line = next(lines, ""), 1
    if first.startswith("sep="):  # Excel writes and reads this line
        first, first_line = next(lines, ""), 2
    delimiter = _find_delimiter(first)
    rows = _numbered_rows(chain([first], lines), first_line, delimiter)
    header = [name.strip() for name in next(rows, (1, []))[1]]
    _check_header(header)
    columns = tuple(name for name in header if name != _REASON)
    table = _Table(columns, delimiter, header.index(_REASON) - len(header) if _REASON in header else None)
    parse = _row_parser(columns, findings)
    for line, cells in rows:
        if table.reason and len(cells) >= -table.reason:
            del cells[table.reason]
        yield parse_entry(line, parse, _Row(table, [*map(unescape_formula, cells)]))


def _find_delimiter(line: str) -> str:
    """Return the delimiter with which the first line has a column `username`; a comma if there is none."""
    for delimiter in _DELIMITERS:
        if "username" in (column_key(name.strip('"')) for name in line.strip().split(delimiter)):
            return delimiter
    return ","


def _numbered_rows(lines: Iterator[str], first_line: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it begins."""
    line = first_line
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + first_line
    except csv.Error:
        raise UnreadableFile(
            f"the row that begins on line {line} is not CSV: a quote is not closed, a quote inside a cell is not "
            f"doubled, or a cell is longer than {csv.field_size_limit()} characters"
        ) from None


def _check_header(header: list[str]) -> None:
    # Without a header, the first line is a user: the message shows nothing of the line.
    keys = [column_key(name) for name in header]
    if not keys:
        raise UnreadableFile("the file is empty")
    if "username" not in keys:
        raise UnreadableFile(
            "the first line does not name the columns, with commas, semicolons or tabs between them: it lacks username"
        )
    known = [key for name, key in zip(header, keys, strict=True) if key in _KEYS or state_reader(name)]
    if duplicate := next((key for key in known if known.count(key) > 1), None):
        raise UnreadableFile(f"two columns have the name {duplicate}")


def _row_parser(columns: tuple[str, ...], findings: Findings) -> Callable[[_Row], UserFields]:
    """Return the function that parses a row with these columns, in any order."""
    keys = [column_key(name) for name in columns]
    # The index of a missing column is -1: the empty cell that `parse` appends.
    pick = itemgetter(*(keys.index(key) if key in keys else -1 for key in _KEYS))
    states = [(index, reader) for index, name in enumerate(columns) if (reader := state_reader(name))]
    for name, key in zip(columns, keys, strict=True):
        if key not in _KEYS and not state_reader(name):
            findings.ignore(name)

    def parse(row: _Row) -> UserFields:
        cells = row.cells
        if len(cells) != len(columns):
            raise InvalidEntry(_describe_cells(len(cells), row.table))
        username, email, password_hash, roles = pick([*cells, ""])
        active = not any(reads(cells[index]) for index, reads in states)
        return UserFields(username, email or None, password_hash or None, _parse_roles(roles) if roles else (), active)

    return parse


def _describe_cells(number: int, table: _Table) -> str:
    found = f"the row has {number} cell{'' if number == 1 else 's'}, not {len(table.columns)}"
    if number < len(table.columns):
        return found
    return f"{found}: write a cell that contains {_DELIMITERS[table.delimiter]} in double quotes"


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
    writer = None

    def write(entry: Entry, reason: str) -> None:
        nonlocal writer
        if writer is None:
            table: _Table = entry.source.table
            writer = csv.writer(file, delimiter=table.delimiter)
            writer.writerow([*table.columns, _REASON])
        # A row with too many cells or too few keeps its number of cells, so it stays invalid until it is fixed.
        writer.writerow(map(escape_formula, (*entry.source.cells, reason)))

    yield write


def user_writer(file: TextIO) -> Callable[[UserFields], None]:
    """Write the header, and return the function that writes a user as a row."""
    writer = csv.writer(file)
    writer.writerow(_EXPORTED)

    def write(user: UserFields) -> None:
        active = "true" if user.active else "false"
        cells = (user.username, user.email or "", user.password_hash or "", format_roles(user.roles), active)
        writer.writerow(map(escape_formula, cells))

    return write


def format_roles(roles: tuple[str, ...]) -> str:
    """Return the roles as one cell: a row of comma-separated values."""
    cell = StringIO()
    csv.writer(cell).writerow(roles)
    return cell.getvalue().removesuffix("\r\n")
