"""The layout of tables and paragraphs in a given number of columns."""

import re
from collections.abc import Callable, Iterator, Sequence
from unicodedata import category, east_asian_width

import click

_GAP = 2
_LONGEST_PIECE = 44
"""Longer pieces without a place for a line break are broken anywhere. The id of a key has 43 characters."""
_ZERO_WIDTH = {"Mn", "Me", "Cf"}  # categories: combining accents, enclosing marks, joiners
# A long word is broken after these characters, but not within a number or an address.
_PIECES = re.compile(r"[^@,/.;?&]*(?:[@/;?&]|[,.](?!\d))+|.+?(?=[@/;?&])|.+")

Row = Sequence[str]
Style = Callable[[str, str], str]
"""Called with a part of a cell and the whole cell; returns the part as a terminal shows it."""


def text_width(text: str) -> int:
    """Return how many columns of a terminal the text needs: none for a combining accent, two for a wide character."""
    shown = (character for character in click.unstyle(text) if category(character) not in _ZERO_WIDTH)
    return sum(1 + (east_asian_width(character) in "WF") for character in shown)


def padded(text: str, width: int) -> str:
    """Return the text, filled with spaces to at least this width."""
    return text + " " * (width - text_width(text))


def table(heads: Row, rows: Sequence[Row], columns: int, style: Style = lambda part, _cell: part) -> Iterator[str]:
    """Yield the lines of a table that fits the columns.

    Cells that are too wide continue on the next line. If the columns are too few even for that, each row becomes a
    block, with a line for each cell.
    """
    every = [heads, *rows]
    widths = _fitting_widths(every, columns - _GAP * (len(heads) - 1))
    if widths is None:
        yield from _blocks(heads, rows, columns, style)
        return
    for row in every:
        parts = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, parts))):
            line = [
                padded(style(lines[number], cell) if number < len(lines) else "", width)
                for lines, cell, width in zip(parts, row, widths, strict=True)
            ]
            yield (" " * _GAP).join(line).rstrip()


def block(labels: Row, cells: Row, columns: int, style: Style = lambda part, _cell: part) -> Iterator[str]:
    """Yield a line for each label and its cell, which continues on further lines if it is too wide."""
    margin = max(map(text_width, labels)) + _GAP
    for label, cell in zip(labels, cells, strict=True):
        first, *others = wrap(cell, max(columns - margin, 1))
        yield padded(label, margin) + style(first, cell)
        yield from (" " * margin + style(line, cell) for line in others)


def wrap(text: str, width: int) -> list[str]:
    """Return the text as lines of at most this width, broken at spaces, and within words that are wider."""
    lines: list[str] = []
    for word in text.split(" "):
        pieces = [word] if text_width(word) <= width else [*_pieces(word, width)]
        if lines and text_width(lines[-1]) + 1 + text_width(pieces[0]) <= width:
            lines[-1] += f" {pieces[0]}"
        else:
            lines.append(pieces[0])
        for piece in pieces[1:]:
            if text_width(lines[-1]) + text_width(piece) <= width:
                lines[-1] += piece
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, width: int) -> Iterator[str]:
    """Yield the parts between which a long word can be broken, none of them wider than the width."""
    for found in _PIECES.findall(word):
        rest = found
        while text_width(rest) > width:
            end = next(end for end in range(len(rest), 0, -1) if end == 1 or text_width(rest[:end]) <= width)
            yield rest[:end]
            rest = rest[end:]
        if rest:
            yield rest


def _fitting_widths(rows: Sequence[Row], available: int) -> list[int] | None:
    """Return the width of each column, None if the columns cannot be made narrow enough."""
    columns = [*zip(*rows, strict=True)]
    widths = [max(map(text_width, column)) for column in columns]
    for shortest in (_longest_word, _longest_piece):
        minima = [max(map(shortest, column)) for column in columns]
        while sum(widths) > available and (wide := [n for n, width in enumerate(widths) if width > minima[n]]):
            widths[max(wide, key=widths.__getitem__)] -= 1
    return widths if sum(widths) <= available else None


def _longest_word(cell: str) -> int:
    return max(map(text_width, cell.split(" ")))


def _longest_piece(cell: str) -> int:
    return max(text_width(piece) for word in cell.split(" ") for piece in ([*_pieces(word, _LONGEST_PIECE)] or [""]))


def _blocks(heads: Row, rows: Sequence[Row], columns: int, style: Style) -> Iterator[str]:
    for number, row in enumerate(rows):
        if number:
            yield ""
        yield from block(heads, row, columns, style)
