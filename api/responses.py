"""JSON responses: `status`, and `data` or `message`; an error adds a stable `code`.

A response with members that a standard defines has no `status`: use `raw_json_response`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Response, jsonify

from services.tokens.grant import Grant

Header = tuple[str, str]
NO_CACHE: Header = ("Pragma", "no-cache")


def json_response(status: int = 200, headers: Iterable[Header] = (), **members: Any) -> Response:
    """Return a response whose JSON object has `status` and these members."""
    return raw_json_response({"status": status, **members}, status, headers)


def raw_json_response(members: Mapping[str, Any], status: int = 200, headers: Iterable[Header] = ()) -> Response:
    """Return a response whose JSON object has exactly these members."""
    response = jsonify(members)
    response.status_code = status
    response.headers.extend(headers)
    return response


def token_response(grant: Grant, members: Mapping[str, Any], headers: Iterable[Header]) -> Response:
    """Return a response with the tokens of a grant.

    `members` contains the access token, because its name differs between endpoints. The grant is marked as delivered
    when the response has been sent.
    """
    body = {**members, "token_type": "Bearer", "expires_in": grant.expires_in}
    if grant.refresh_token:
        body["refresh_token"] = grant.refresh_token
    return call_after_send(raw_json_response(body, headers=headers), grant.mark_delivered)


def call_after_send(response: Response, callback: Callable[[], None]) -> Response:
    """Return the same response. After it is sent, `callback` is called, in the thread that sends it.

    If the server does not ask for the last byte, because it could not send those before it, `callback` is not called.
    """
    body = response.get_data()

    def chunks() -> Iterator[bytes]:
        yield body[:-1]  # a server must send a block before it asks for the next one (PEP 3333)
        try:
            yield body[-1:]
        finally:  # some servers take no more than Content-Length, and do not close the iterator either
            callback()

    response.response = chunks()
    response.content_length = len(body)
    return response
