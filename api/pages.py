"""Lists that are read page by page."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from flask import request

T = TypeVar("T")


def split_page(rows: list[T], limit: int, position: Callable[[T], object]) -> tuple[list[T], str | None]:
    """Return the rows of a page, and the path of the next page, `None` if this is the last one.

    `rows` has one row more than `limit` if there is another page. The next page starts after the `position` of the
    last row of this one.
    """
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    query = urlencode({**request.args, "after": position(page[-1])})
    return page, f"{request.script_root}{request.path}?{query}"
