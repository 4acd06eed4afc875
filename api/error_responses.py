"""The error responses of an endpoint in OpenAPI: one for each status, with an example for each code."""

from collections.abc import Iterable
from http import HTTPStatus
from itertools import groupby
from typing import Any, Literal

from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from config.http_error import HttpError, code_of, status_of

Json = dict[str, Any]
Style = Literal["latchkey", "oauth"]

_RETRY_STATUSES = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}


def error_responses(errors: Iterable[type[HTTPException]], style: Style) -> Json:
    """Return the responses to these errors, by their status."""
    distinct = sorted(
        {(status_of(error), _code(error, style)): error for error in errors}.items(), key=lambda item: item[0]
    )
    by_status = groupby((error for _, error in distinct), status_of)
    return {str(status): _response(status, list(same), style) for status, same in by_status}


def _response(status: int, errors: list[type[HTTPException]], style: Style) -> Json:
    schema = {"$ref": f"#/components/schemas/{'OAuthError' if style == 'oauth' else 'Error'}"}
    examples = {_code(error, style): {"summary": _summary(error), "value": _example(error, style)} for error in errors}
    return {
        "description": HTTP_STATUS_CODES[status],
        "headers": REQUEST_ID | _headers(errors),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _code(error: type[HTTPException], style: Style) -> str:
    if style == "latchkey":
        return code_of(error)
    return error.oauth_code or error.error_code if issubclass(error, HttpError) else "invalid_request"


def _summary(error: type[HTTPException]) -> str:
    return (error.__doc__ or "").strip().partition("\n")[0]


def _example(error: type[HTTPException], style: Style) -> Json:
    message = error.message.format(error.example) if issubclass(error, HttpError) else (error.description or "")
    if style == "oauth":
        return {"error": _code(error, style), "error_description": message}
    return {"status": status_of(error), "message": message, "code": code_of(error)}


def _headers(errors: list[type[HTTPException]]) -> Json:
    own = [error for error in errors if issubclass(error, HttpError)]
    headers: Json = {}
    if challenges := [error.challenge for error in own if error.challenge]:
        headers["WWW-Authenticate"] = {
            "description": "The challenge (RFC 6750 §3).",
            "schema": {"type": "string"},
            "example": challenges[0],
        }
    if any(status_of(error) in _RETRY_STATUSES for error in own):
        headers["Retry-After"] = {
            "description": "The seconds after which the client can try again.",
            "schema": {"type": "integer"},
        }
    return headers
