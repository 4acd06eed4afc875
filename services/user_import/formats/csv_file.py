"""Users as comma-separated values, with a header (RFC 4180)."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import StringIO
from operator import itemgetter
from typing import BinaryIO, NamedTuple, TextIO

from services.user_import.formats.entries import Entry, Faulty, UnreadableFile, UserFields, parsed
from services.user_import.formats.text_lines import text_lines

place_name = "line"

_REQUIRED = ("username", "password_hash")
_COLUMNS = UserFields._fields
_REASON = "refused"
_ACTIVE = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class _Row(NamedTuple):
    """The cells that a file has under these columns, which are without ours for the reason."""

    columns: tuple[str, ...]
    cells: list[str]


def read(file: BinaryIO) -> Iterator[Entry]:
    """Yield the users, as UserFormat has it. The roles of a user are a row of their own within the cell."""
    rows = _rows(file)
    header = [name.strip() for name in next(rows, (1, []))[1]]
    _check(header)
    # Counted from the end, as the reason of a row that has too many cells or too few is still its last.
    reason = header.index(_REASON) - len(header) if _REASON in header else None
    columns = tuple(name for name in header if name != _REASON)
    parse = _parser(columns)
    for line, cells in rows:
        if reason and len(cells) >= -reason:
            del cells[reason]
        yield parsed(line, parse, _Row(columns, cells))


def _rows(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line on which it begins."""
    begin = 1
    reader = csv.reader(text_lines(file), strict=True)
    try:
        for cells in reader:
            if cells:
                yield begin, cells
            begin = reader.line_num + 1
    except csv.Error:
        raise UnreadableFile(
            f"the row that begins on line {begin} is not CSV: a quote is not closed or stands inside a cell without "
            f"being doubled, or the cell has more than {csv.field_size_limit()} characters"
        ) from None


def _check(header: list[str]) -> None:
    # A file without a header has a user there, so no cell is told before these are found.
    if missing := [name for name in _REQUIRED if name not in header]:
        raise UnreadableFile(
            f"its first line has to name the columns, separated by commas, and there is no {' and no '.join(missing)}"
        )
    for name in header:
        if name not in (*_COLUMNS, _REASON):
            raise UnreadableFile(f"there is no use for a column {name[:50]!r}: there are {', '.join(_COLUMNS)}")
    if len(set(header)) < len(header):
        raise UnreadableFile("two columns have the same name")


def _parser(columns: tuple[str, ...]) -> Callable[[_Row], UserFields]:
    """Return what makes a user of a row, wherever these columns have each cell."""
    # A column that is not there is the last cell, which we add.
    pick = itemgetter(*(columns.index(name) if name in columns else -1 for name in _COLUMNS))

    def parse(row: _Row) -> UserFields:
        if len(row.cells) != len(columns):
            raise Faulty(f"it has {len(row.cells)} cells, not {len(columns)}")
        username, email, password_hash, roles, active = pick([*row.cells, ""])
        enabled = _ACTIVE.get(active.strip().lower())
        if enabled is None:
            raise Faulty("`active` is neither true nor false")
        return UserFields(username, email or None, password_hash, _roles(roles) if roles else (), enabled)

    return parse


@lru_cache(256)
def _roles(cell: str) -> tuple[str, ...]:
    try:
        rows = list(csv.reader([cell], strict=True, skipinitialspace=True))
    except csv.Error:
        raise Faulty("`roles` is not a list of names separated by commas") from None
    return tuple(name for row in rows for name in map(str.strip, row) if name)


@contextmanager
def refused(file: TextIO) -> Iterator[Callable[[Entry, str], None]]:
    """Write entries again, as UserFormat has it, with the reason in a last column."""
    writer = csv.writer(file)
    columns = None

    def write(entry: Entry, reason: str) -> None:
        nonlocal columns
        if columns is None:
            columns = entry.source.columns
            writer.writerow([*columns, _REASON])
        # A row that has too many cells or too few has them still, so it cannot pass before it is mended.
        writer.writerow([*entry.source.cells, reason])

    yield write


def users(file: TextIO) -> Callable[[UserFields], None]:
    """Write the header, and return what writes a user below it."""
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)

    def write(user: UserFields) -> None:
        active = "true" if user.active else "false"
        writer.writerow([user.username, user.email, user.password_hash, as_cell(user.roles), active])

    return write


def as_cell(roles: tuple[str, ...]) -> str:
    """Return roles as the one cell that holds them."""
    cell = StringIO()
    csv.writer(cell).writerow(roles)
    return cell.getvalue().removesuffix("\r\n")
