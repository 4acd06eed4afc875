"""The only table from exceptions to HTTP responses. An exception that is not in the table becomes a 500."""

import logging
import re
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, InternalServerError

from api.auth import InvalidCredentials, MissingCredentials, MissingRefreshToken
from api.body import InvalidRequest, MalformedBody, UnsupportedBody
from api.health import NotReady
from api.oauth import InvalidClient, InvalidScope, UnauthorizedClient, UnsupportedGrantType, UnsupportedTokenType
from api.responses import NO_CACHE, NO_STORE, Header, json_response, raw_json_response
from api.users import MissingPrecondition
from config.outage_log import OutageLog
from database.errors import (
    DatabaseUnavailable,
    InvalidName,
    LastAdmin,
    NoSuchUser,
    RoleNotGrantable,
    UserChanged,
    UserExists,
)
from passwords.policy import WeakPassword
from providers.interface import Overloaded, ProviderUnavailable
from services.accounts import NoUserTable
from services.auth_guard import MissingToken, RoleRequired
from services.caller import UnverifiableCaller
from services.jwt_handler import ExpiredToken, InvalidToken, RevokedToken
from services.keys.ring import KeysUnavailable
from services.sessions.errors import InvalidRefreshToken, RefreshInProgress, SessionsDisabled, SessionsUnavailable
from services.throttle.errors import Throttled

log = logging.getLogger(__name__)

_REALM = 'realm="latchkey"'


@dataclass(frozen=True)
class ErrorResponse:
    """The response to one type of error."""

    status: int
    code: str
    message: str
    """The message. `{}` is replaced with the text of the exception."""
    challenge: str | None = None
    """The value of `WWW-Authenticate` (RFC 6750 §3)."""
    retry_after: int | None = None
    """The number of seconds after which the client can try again, unless the exception has its own."""
    oauth_code: str | None = None
    """The `error` of an OAuth endpoint (RFC 6749 §5.2); `None` if it is the same as `code`."""
    is_failure: bool = True
    """Whether a 5xx is logged as an error. Otherwise the clients cause it, and the service works."""


def _invalid_token(code: str) -> ErrorResponse:
    challenge = f'Bearer error="invalid_token", {_REALM}'
    return ErrorResponse(401, code, "Invalid access token: {}", challenge=challenge)


def _forbidden(code: str, message: str) -> ErrorResponse:
    challenge = f'Bearer error="insufficient_scope", {_REALM}'
    return ErrorResponse(403, code, message, challenge=challenge)


def _unavailable(code: str, message: str, retry_after: int = 5) -> ErrorResponse:
    return ErrorResponse(503, code, message, retry_after=retry_after, oauth_code="temporarily_unavailable")


ERROR_RESPONSES: dict[type[Exception], ErrorResponse] = {
    MissingCredentials: ErrorResponse(400, "missing_credentials", "{}"),
    InvalidCredentials: ErrorResponse(400, "invalid_credentials", "Invalid credentials", oauth_code="invalid_grant"),
    Throttled: ErrorResponse(
        429, "too_many_logins", "Too many logins. Try again later", oauth_code="temporarily_unavailable"
    ),
    MissingRefreshToken: ErrorResponse(400, "missing_refresh_token", "Refresh token missing"),
    InvalidRefreshToken: ErrorResponse(
        400, "invalid_refresh_token", "Invalid refresh token: {}", oauth_code="invalid_grant"
    ),
    SessionsDisabled: ErrorResponse(404, "sessions_disabled", "Sessions are disabled: DATABASE_URL is not set"),
    WeakPassword: ErrorResponse(400, "weak_password", "The password {}"),
    NoUserTable: ErrorResponse(404, "users_elsewhere", "These users are not managed by this service"),
    NoSuchUser: ErrorResponse(404, "no_such_user", "User not found"),
    UserExists: ErrorResponse(409, "user_exists", "The username or email is already in use"),
    LastAdmin: ErrorResponse(409, "last_admin", "Cannot remove the last active administrator"),
    UserChanged: ErrorResponse(412, "precondition_failed", "The user has changed. Read the user again"),
    MissingPrecondition: ErrorResponse(428, "precondition_required", "Missing If-Match header: send the user's ETag"),
    MalformedBody: ErrorResponse(400, "malformed_body", "{}"),
    UnsupportedBody: ErrorResponse(415, "malformed_body", "{}"),
    MissingToken: ErrorResponse(401, "missing_token", "Missing access token", challenge=f"Bearer {_REALM}"),
    InvalidToken: _invalid_token("invalid_token"),
    ExpiredToken: _invalid_token("expired_token"),
    RevokedToken: _invalid_token("revoked_token"),
    RoleRequired: _forbidden("role_required", "Authorization required."),
    RoleNotGrantable: _forbidden(
        "role_not_grantable", "The user has, or would have, a role that you do not have: see ADMIN_GRANTABLE_ROLES"
    ),
    UnverifiableCaller: _forbidden(
        "caller_unverifiable", "The provider of the access token cannot look its user up, which this request requires"
    ),
    InvalidRequest: ErrorResponse(400, "invalid_request", "{}"),
    InvalidName: ErrorResponse(400, "invalid_request", "{}"),
    InvalidClient: ErrorResponse(401, "invalid_client", "Unknown client or wrong secret", challenge=f"Basic {_REALM}"),
    UnauthorizedClient: ErrorResponse(400, "unauthorized_client", "The token was issued to another client"),
    UnsupportedGrantType: ErrorResponse(400, "unsupported_grant_type", "Unsupported grant type"),
    UnsupportedTokenType: ErrorResponse(
        400, "unsupported_token_type", "Tokens cannot be revoked: DATABASE_URL is not set"
    ),
    InvalidScope: ErrorResponse(400, "invalid_scope", "Scopes are not supported. The access token lists the roles"),
    ProviderUnavailable: _unavailable("provider_unavailable", "Credential store unavailable"),
    RefreshInProgress: replace(
        _unavailable("refresh_in_progress", "This refresh token was just exchanged. Use the new one", retry_after=2),
        is_failure=False,
    ),
    SessionsUnavailable: _unavailable("sessions_unavailable", "Session store unavailable"),
    DatabaseUnavailable: _unavailable("database_unavailable", "Database unavailable"),
    KeysUnavailable: _unavailable("keys_unavailable", "Signing keys unavailable"),
    NotReady: _unavailable("not_ready", "Not ready"),
    Overloaded: _unavailable("overloaded", "Too many concurrent requests", retry_after=1),
    Exception: ErrorResponse(500, "internal_error", "Internal server error", oauth_code="server_error"),
}


def init(app: Flask) -> None:
    outages = OutageLog(log)
    for error_type, template in ERROR_RESPONSES.items():
        app.register_error_handler(error_type, partial(_render_error, outages, template))
    app.register_error_handler(HTTPException, partial(_render_http_exception, outages))


def _render_error(outages: OutageLog, template: ErrorResponse, error: BaseException) -> Response:
    if template.status >= HTTPStatus.INTERNAL_SERVER_ERROR and template.is_failure:
        _log_failure(outages, template, error)
    headers = [NO_STORE]
    if template.challenge:
        headers.append(("WWW-Authenticate", template.challenge))
    if retry_after := getattr(error, "retry_after", template.retry_after):
        headers.append(("Retry-After", str(retry_after)))
    oauth_code = template.oauth_code or template.code
    return _error_response(template.status, headers, template.message.format(error), template.code, oauth_code)


def _log_failure(outages: OutageLog, template: ErrorResponse, error: BaseException) -> None:
    reason, cause = str(error) or type(error).__name__, str(error.__cause__ or "")
    if cause not in reason:
        reason += f"; {cause}"
    message, values = "request %s to %a failed: %s", (g.get("request_id"), request.path, reason)
    if template.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error(message, *values, exc_info=error)
    else:
        outages.error(message, *values, reason=reason)


def _render_http_exception(outages: OutageLog, error: HTTPException) -> Response:
    """Return the response to an error of Flask or Werkzeug, with the headers of the error, such as `Allow`."""
    if isinstance(error, InternalServerError):
        return _render_error(outages, ERROR_RESPONSES[Exception], error.original_exception or error)
    if error.response is not None or error.code is None:
        return error.get_response()  # type: ignore[return-value]  # the view passed its own response to `abort`
    code = re.sub(r"[^a-z]+", "_", error.name.lower())
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return _error_response(error.code, headers, error.description or error.name, code, "invalid_request")


def _error_response(status: int, headers: list[Header], message: str, code: str, oauth_code: str) -> Response:
    if request.path.startswith("/oauth/"):
        members = {"error": oauth_code, "error_description": message}
        return raw_json_response(members, status, [*headers, NO_CACHE])
    return json_response(status, headers, message=message, code=code)
