"""Cells of CSV files that a spreadsheet would evaluate.

A spreadsheet evaluates a cell that begins with a sign such as `=` as a formula, which can send the other cells to an
attacker. An apostrophe before the sign prevents this. So that no cell changes when it is written and read, a cell that
begins with an apostrophe gets another one.
"""

import re

# Spreadsheets also accept signs in full width, and may ignore spaces before a sign.
_SIGN = re.compile(r"\s*[=+\-@'\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def escape_formula(cell: str) -> str:
    """Return the cell as text that is not a formula."""
    return f"'{cell}" if _SIGN.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Return the cell that `escape_formula` was called with. Other cells are returned unchanged."""
    return cell[1:] if cell[:1] == "'" and _SIGN.match(cell, 1) else cell
