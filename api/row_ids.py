"""The ids of rows in paths, such as `/api/users/7`."""

from flask import Blueprint
from werkzeug.routing import IntegerConverter

MAX_ROW_ID = 2**31 - 1
"""The largest value of an id column (INTEGER). The path cannot have it: Werkzeug would say 405 instead of 404."""


class RowIdConverter(IntegerConverter):
    """The number in ASCII digits, without leading zeros, so that a row has one path."""

    regex = "0|[1-9][0-9]*"


def init(endpoints: Blueprint) -> None:
    """Let paths contain `<row_id:…>`."""
    endpoints.record_once(lambda state: state.app.url_map.converters.update(row_id=RowIdConverter))
