"""Read the body of a request: a JSON object or a form."""

from json import JSONDecoder
from typing import Any
from urllib.parse import parse_qsl

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from config.http_error import HttpError

MAX_BODY_SIZE = 16 * 1024  # bytes


class MalformedBody(HttpError, BadRequest):
    """The body is not a JSON object. The text is the message for the client."""

    error_code = "malformed_body"
    example = "The request body is not JSON"


class UnsupportedBody(HttpError, UnsupportedMediaType):
    """The header `Content-Type` does not name JSON."""

    error_code = "malformed_body"
    example = "Content-Type must be application/json"


class InvalidRequest(HttpError, BadRequest):
    """A parameter or a member of the body is invalid. The text is the message for the client."""

    error_code = "invalid_request"
    example = "limit is invalid: input should be less than or equal to 200"


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_decoder = JSONDecoder(parse_constant=_reject_constant)


def json_object() -> dict[str, Any]:
    """Return the JSON object in the body of the request (RFC 8259, in strict UTF-8).

    Raises MalformedBody, UnsupportedBody if the content type is not JSON, and RequestEntityTooLarge if the body is
    longer than MAX_BODY_SIZE.
    """
    if not request.is_json:
        raise UnsupportedBody("Content-Type must be application/json")
    try:
        parsed = _decoder.decode(_read_body().decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedBody("The request body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise MalformedBody("The request body is not JSON") from None
    if not isinstance(parsed, dict):
        raise MalformedBody("The request body is not a JSON object")
    return parsed


def form() -> dict[str, str]:
    """Return the parameters of the form in the body of the request, without empty values (RFC 6749 §3.2).

    Raises InvalidRequest if the body is not a form in UTF-8 or repeats a parameter, and RequestEntityTooLarge.
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        raise InvalidRequest("Content-Type must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(_read_body().decode("utf-8"), keep_blank_values=True, errors="strict")
    except MalformedBody as error:
        raise InvalidRequest(str(error)) from error
    except ValueError:
        raise InvalidRequest("The request body is not a form in UTF-8") from None
    if len(dict(pairs)) < len(pairs):
        raise InvalidRequest("A parameter appears more than once")
    return {name: value for name, value in pairs if value}


def _read_body() -> bytes:
    # Werkzeug silently truncates a body without Content-Length at this limit. Reading one more byte than allowed shows
    # that the body is too long.
    request.max_content_length = MAX_BODY_SIZE + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        raise
    except Exception as error:  # each server has its own errors for a malformed chunk or a client that disconnected
        raise MalformedBody("The request body could not be read") from error
    if len(body) > MAX_BODY_SIZE:
        raise RequestEntityTooLarge
    return body
