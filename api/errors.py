"""The one table from error to status, and the last resort for what is not in it."""

import logging
import re
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, InternalServerError

from api.auth import InvalidCredentials, MissingCredentials, MissingRefreshToken
from api.body import InvalidRequest, MalformedBody, UnsupportedBody
from api.health import NotReady
from api.oauth import InvalidClient, InvalidScope, UnauthorizedClient, UnsupportedGrantType, UnsupportedTokenType
from api.responses import NO_STORE, answer, document
from api.users import MissingPrecondition
from database.errors import DatabaseUnavailable, LastAdmin, NoSuchUser, UserChanged, UserExists
from passwords.policy import WeakPassword
from providers.interface import Overloaded, ProviderUnavailable
from services.accounts import NoUserTable
from services.auth_guard import MissingToken, RoleRequired
from services.jwt_handler import ExpiredToken, InvalidToken, RevokedToken
from services.sessions.errors import InvalidRefreshToken, SessionsDisabled, SessionsUnavailable

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
    oauth: str | None = None
    """The code for a standard client (RFC 6749 §5.2); `None` if it is the same."""


BUSY = "temporarily_unavailable"

TABLE: dict[type[Exception], Answer] = {
    MissingCredentials: Answer(400, "missing_credentials", "{}"),
    InvalidCredentials: Answer(400, "invalid_credentials", "Invalid credentials", oauth="invalid_grant"),
    MissingRefreshToken: Answer(400, "missing_refresh_token", "Refresh token missing"),
    InvalidRefreshToken: Answer(400, "invalid_refresh_token", "Invalid refresh token: {}", oauth="invalid_grant"),
    SessionsDisabled: Answer(404, "sessions_disabled", "This service has no sessions: DATABASE_URL is not set"),
    WeakPassword: Answer(400, "weak_password", "This password cannot be used: {}"),
    NoUserTable: Answer(404, "users_elsewhere", "This service does not keep these users; their store does"),
    NoSuchUser: Answer(404, "no_such_user", "There is no such user"),
    UserExists: Answer(409, "user_exists", "The username or e-mail address is taken"),
    LastAdmin: Answer(409, "last_admin", "Nobody active would be left with the role admin"),
    UserChanged: Answer(412, "precondition_failed", "The user was changed meanwhile: read them again"),
    MissingPrecondition: Answer(428, "precondition_required", "Send the user's ETag in If-Match"),
    MalformedBody: Answer(400, "malformed_body", "{}"),
    UnsupportedBody: Answer(415, "malformed_body", "{}"),
    MissingToken: Answer(401, "missing_token", "Missing access token", challenge=f"Bearer {REALM}"),
    InvalidToken: Answer(401, "invalid_token", "Invalid access token: {}", challenge=INVALID),
    ExpiredToken: Answer(401, "expired_token", "Invalid access token: {}", challenge=INVALID),
    RevokedToken: Answer(401, "revoked_token", "Invalid access token: {}", challenge=INVALID),
    RoleRequired: Answer(
        403, "role_required", "Authorization required.", challenge=f'Bearer error="insufficient_scope", {REALM}'
    ),
    InvalidRequest: Answer(400, "invalid_request", "{}"),
    InvalidClient: Answer(401, "invalid_client", "Unknown client or wrong secret", challenge=f"Basic {REALM}"),
    UnauthorizedClient: Answer(400, "unauthorized_client", "The token is another client's"),
    UnsupportedGrantType: Answer(400, "unsupported_grant_type", "This service has no such grant"),
    UnsupportedTokenType: Answer(400, "unsupported_token_type", "This service has no sessions, so no revocation"),
    InvalidScope: Answer(400, "invalid_scope", "This service has no scopes; roles are in the token"),
    ProviderUnavailable: Answer(503, "provider_unavailable", "Credential store unavailable", retry_after=5, oauth=BUSY),
    SessionsUnavailable: Answer(503, "sessions_unavailable", "Session store unavailable", retry_after=5, oauth=BUSY),
    DatabaseUnavailable: Answer(503, "database_unavailable", "Database unavailable", retry_after=5, oauth=BUSY),
    NotReady: Answer(503, "not_ready", "Not ready", retry_after=5),
    Overloaded: Answer(503, "overloaded", "Busy", retry_after=1, oauth=BUSY),
    Exception: Answer(500, "internal_error", "Something went wrong on our side", oauth="server_error"),
}


def init(app: Flask) -> None:
    for error, form in TABLE.items():
        app.register_error_handler(error, partial(_ours, form))
    app.register_error_handler(HTTPException, _framework)


def _ours(form: Answer, error: BaseException) -> Response:
    if form.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        bug = error if form.status == HTTPStatus.INTERNAL_SERVER_ERROR else None
        reason = "; ".join(dict.fromkeys(str(one) for one in (error, error.__cause__) if one))
        log.error("request %s to %a failed: %s", g.get("request_id"), request.path, reason, exc_info=bug)
    headers = [NO_STORE]
    if form.challenge:
        headers.append(("WWW-Authenticate", form.challenge))
    if form.retry_after:
        headers.append(("Retry-After", str(form.retry_after)))
    return _shaped(form.status, headers, form.message.format(error), form.code, form.oauth or form.code)


def _framework(error: HTTPException) -> Response:
    """Give the framework's own errors our shape, and keep their headers, such as `Allow`."""
    if isinstance(error, InternalServerError):
        return _ours(TABLE[Exception], error.original_exception or error)
    if error.response is not None or error.code is None:
        return error.get_response()  # type: ignore[return-value]  # a view aborted with an answer of its own
    code = re.sub(r"[^a-z]+", "_", error.name.lower())
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return _shaped(error.code, headers, error.description or error.name, code, "invalid_request")


def _shaped(status: int, headers: list[tuple[str, str]], message: str, code: str, oauth: str) -> Response:
    if request.path.startswith("/oauth/"):
        return document({"error": oauth, "error_description": message}, status, [*headers, ("Pragma", "no-cache")])
    return answer(status, headers, message=message, code=code)
