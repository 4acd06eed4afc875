"""JSON responses. A response with members that a standard defines has no `status`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel

from api.models import Answer
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


def respond(answer: BaseModel, headers: Iterable[Header] = ()) -> Response:
    """Return a response with the members of a model, whose `status`, if it has one, is the HTTP status."""
    status = answer.status if isinstance(answer, Answer) else 200
    return raw_json_response(answer.model_dump(), status, headers)


def token_response(grant: Grant, tokens: BaseModel, headers: Iterable[Header]) -> Response:
    """Return a response with the tokens of a grant, which is marked as delivered when the response has been sent."""
    response = respond(tokens, headers)
    return call_after_send(response, grant.mark_delivered) if grant.mark_delivered else response


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
