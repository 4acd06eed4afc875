"""The one table from error to status, and the last resort for what is not in it."""

import logging
import re
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, InternalServerError

from api.answers import answer
from api.auth import InvalidCredentials, MissingCredentials
from api.body import MalformedBody, UnsupportedBody
from providers.interface import Overloaded, ProviderUnavailable
from services.auth_guard import MissingToken, RoleRequired
from services.jwt_handler import ExpiredToken, InvalidToken

log = logging.getLogger(__name__)

REALM = 'realm="latchkey"'
INVALID = f'Bearer error="invalid_token", {REALM}'


@dataclass(frozen=True)
class Answer:
    """How an error leaves. `message` has `{}` where the error's own words belong."""

    status: int
    code: str
    message: str
    challenge: str | None = None
    """What RFC 6750 §3 wants in `WWW-Authenticate`."""
    retry_after: int | None = None
    """Seconds after which it is worth trying again."""


TABLE: dict[type[Exception], Answer] = {
    MissingCredentials: Answer(400, "missing_credentials", "Email or password missing"),
    InvalidCredentials: Answer(400, "invalid_credentials", "Invalid credentials"),
    MalformedBody: Answer(400, "malformed_body", "{}"),
    UnsupportedBody: Answer(415, "malformed_body", "{}"),
    MissingToken: Answer(401, "missing_token", "Missing access token", challenge=f"Bearer {REALM}"),
    InvalidToken: Answer(401, "invalid_token", "Invalid access token: {}", challenge=INVALID),
    ExpiredToken: Answer(401, "expired_token", "Invalid access token: {}", challenge=INVALID),
    RoleRequired: Answer(
        403, "role_required", "Authorization required.", challenge=f'Bearer error="insufficient_scope", {REALM}'
    ),
    ProviderUnavailable: Answer(503, "provider_unavailable", "Credential store unavailable", retry_after=5),
    Overloaded: Answer(503, "overloaded", "Busy", retry_after=1),
    Exception: Answer(500, "internal_error", "Something went wrong on our side"),
}


def init(app: Flask) -> None:
    for error, form in TABLE.items():
        app.register_error_handler(error, partial(_ours, form))
    app.register_error_handler(HTTPException, _framework)


def _ours(form: Answer, error: BaseException) -> Response:
    if form.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request %s to %a failed", g.get("request_id"), request.path, exc_info=error)
    headers = [("Cache-Control", "no-store")]
    if form.challenge:
        headers.append(("WWW-Authenticate", form.challenge))
    if form.retry_after:
        headers.append(("Retry-After", str(form.retry_after)))
    return answer(form.status, headers, message=form.message.format(error), code=form.code)


def _framework(error: HTTPException) -> Response:
    """Give the framework's own errors our shape, and keep their headers, such as `Allow`."""
    if isinstance(error, InternalServerError):
        return _ours(TABLE[Exception], error.original_exception or error)
    if error.response is not None or error.code is None:
        return error.get_response()  # type: ignore[return-value]  # a view aborted with an answer of its own
    code = re.sub(r"[^a-z]+", "_", error.name.lower())
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return answer(error.code, headers, message=error.description or error.name, code=code)
