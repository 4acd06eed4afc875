"""The ids of rows in paths, such as `/api/users/7`."""

from flask import Blueprint
from werkzeug.routing import IntegerConverter

MAX_ROW_ID = 2**31 - 1
"""The largest value of an id column (INTEGER)."""
NO_ROW = -1
"""The id of no row."""


class RowIdConverter(IntegerConverter):
    """The number in ASCII digits, without leading zeros, so that a row has one path."""

    regex = "0|[1-9][0-9]*"

    def to_python(self, value: str) -> int:
        """Return the id; NO_ROW if it is too large for the column. To reject it here would be 405 instead of 404."""
        row_id: int = super().to_python(value)
        return row_id if row_id <= MAX_ROW_ID else NO_ROW


def init(endpoints: Blueprint) -> None:
    """Let paths contain `<row_id:…>`."""
    endpoints.record_once(lambda state: state.app.url_map.converters.update(row_id=RowIdConverter))
