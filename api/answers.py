"""The one shape of our answers: `status`, and `data` or `message`; errors add a stable `code`."""

from collections.abc import Iterable
from typing import Any

from flask import Response, jsonify


def answer(status: int = 200, headers: Iterable[tuple[str, str]] = (), **members: Any) -> Response:
    """Return a JSON answer with `status` and these members."""
    response = jsonify(status=status, **members)
    response.status_code = status
    response.headers.extend(headers)
    return response
