"""The body of a request: a JSON object, or a form; or a clear refusal."""

import json
from typing import Any
from urllib.parse import parse_qsl

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

LONGEST_BODY = 16 * 1024  # bytes


class MalformedBody(Exception):
    """The body is no JSON object; the text says what is wrong with it, in words fit for the client."""


class UnsupportedBody(MalformedBody):
    """The body is announced as something other than JSON."""


class InvalidRequest(Exception):
    """The parameters of a request by a standard client are not as they must be; the text says why."""


def json_object() -> dict[str, Any]:
    """Return the request's JSON object (RFC 8259, in strict UTF-8).

    Raises MalformedBody, UnsupportedBody for another content type, and RequestEntityTooLarge over
    LONGEST_BODY bytes.
    """
    if not request.is_json:
        raise UnsupportedBody("Content-Type must be application/json")
    try:
        parsed = json.loads(_body().decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise MalformedBody("The request body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise MalformedBody("The request body is not JSON") from None
    if not isinstance(parsed, dict):
        raise MalformedBody("The request body is not a JSON object")
    return parsed


def form() -> dict[str, str]:
    """Return the parameters of a form, without empty ones (RFC 6749 §3.2).

    Raises InvalidRequest if it is none, is not UTF-8, or has a parameter twice; and RequestEntityTooLarge.
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidRequest("Content-Type must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(_body().decode("utf-8"), keep_blank_values=True, errors="strict")
    except MalformedBody as error:
        raise InvalidRequest(str(error)) from error
    except ValueError:
        raise InvalidRequest("The request body is not a form in UTF-8") from None
    if len(dict(pairs)) < len(pairs):
        raise InvalidRequest("A parameter is there twice")
    return {name: value for name, value in pairs if value}


def _body() -> bytes:
    # A body without a length is cut off where the limit is, in silence: the byte beyond tells.
    request.max_content_length = LONGEST_BODY + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise
    except Exception as error:  # each server has errors of its own for a broken chunk or a client that is gone
        raise MalformedBody("The request body could not be read") from error
    if len(body) > LONGEST_BODY:
        raise RequestEntityTooLarge
    return body


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
