"""The responses to errors, in the shape of the endpoint: JSON, or the members that RFC 6749 §5.2 defines."""

import logging
from functools import lru_cache
from json import JSONEncoder

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, InternalServerError, default_exceptions

from api.response_headers import request_id
from api.responses import NO_CACHE, Header, json_response, raw_json_response
from config.http_error import RESPONSE_ERROR, HttpError, Unavailable, code_of
from config.outage_log import OutageLog
from services.context import current_request

log = logging.getLogger(__name__)

_encode = JSONEncoder(sort_keys=True, separators=(",", ":")).encode

MAX_CACHED_BODIES = 64
"""Few errors have many texts. Without a cache, the JSON of a refusal takes 5 % of a request."""

_OUTAGES = "latchkey.outages"
"""The key of the OutageLog in `Flask.extensions`."""


class InternalError(HttpError, InternalServerError):
    """An unexpected exception. Flask has logged it."""

    error_code = "internal_error"
    message = "Internal server error"
    oauth_code = "server_error"


def init(target: Flask | Blueprint) -> None:
    """Shape the error responses of an application, or of the endpoints of one blueprint only.

    The handlers of an application are the most general ones, so its own handlers of one status or exception win. Those
    of a blueprint win over all handlers of its application.
    """
    target.register_error_handler(HTTPException, _render)
    if isinstance(target, Blueprint):
        for status in default_exceptions:
            target.register_error_handler(status, _render)


def _render(error: HTTPException) -> Response:
    if isinstance(error, HttpError):
        return _render_own(error)
    if isinstance(error, InternalServerError):
        return _render_own(InternalError())
    if error.response is not None or error.code is None:
        return error.get_response()  # type: ignore[return-value]  # the view passed its own response to `abort`
    message, code = error.description or error.name, code_of(error)
    # The headers of an error of Flask or Werkzeug, such as `Allow`.
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    if _is_oauth():
        return _oauth_response(error.code, headers, message, "invalid_request")
    return json_response(error.code, headers, message=message, code=code)


def _render_own(error: HttpError) -> Response:
    if isinstance(error, Unavailable) and error.is_failure:
        _log_failure(error)
    if _is_oauth():
        return _oauth_response(error.code, error.own_headers(), error.description, error.oauth_code or error.error_code)
    # `api/response_headers.py` adds the headers of the error.
    current_request().environ[RESPONSE_ERROR] = error
    return Response(_body(error.code, error.description, error.error_code), error.code, content_type="application/json")


@lru_cache(MAX_CACHED_BODIES)
def _body(status: int, message: str, code: str) -> bytes:
    return f"{_encode({'status': status, 'message': message, 'code': code})}\n".encode()


def _log_failure(error: HttpError) -> None:
    # One for the application, whose own routes and those of the blueprint have the same outages.
    outages: OutageLog = current_app.extensions.setdefault(_OUTAGES, OutageLog(log))
    reason, cause = str(error) or type(error).__name__, str(error.__cause__ or "")
    if cause not in reason:
        reason += f"; {cause}"
    outages.error("request %s to %a failed: %s", request_id(), request.path, reason, reason=reason)


def _is_oauth() -> bool:
    return current_request().path.startswith("/oauth/")


def _oauth_response(status: int, headers: list[Header], description: str, code: str) -> Response:
    return raw_json_response({"error": code, "error_description": description}, status, [*headers, NO_CACHE])
