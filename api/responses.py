"""The one shape of our answers: `status`, and `data` or `message`; errors add a stable `code`.

Standards that have a shape of their own for an answer get a `document`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Response, jsonify

NO_STORE = ("Cache-Control", "no-store")


def answer(status: int = 200, headers: Iterable[tuple[str, str]] = (), **members: Any) -> Response:
    """Return a JSON answer with `status` and these members."""
    return document({"status": status, **members}, status, headers)


def document(members: Mapping[str, Any], status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """Return a JSON object as it is."""
    response = jsonify(members)
    response.status_code = status
    response.headers.extend(headers)
    return response


def call_after_send(response: Response, act: Callable[[], None]) -> Response:
    """Return the same answer; `act` is called once the server has taken all of it from us.

    If it cannot be sent, nothing is called.
    """
    body = response.get_data()

    def sent() -> Iterator[bytes]:
        yield body
        act()

    response.response = sent()
    response.content_length = len(body)
    return response
