"""`/api/auth`: log in, refresh, log out, and change the password."""

from flask import Blueprint, Response, g
from werkzeug.exceptions import BadRequest

from api.body import json_object
from api.responses import json_response, token_response
from config.clients import FIRST_PARTY_CLIENT_ID
from config.http_error import NO_STORE, HttpError
from services.accounts import change_password
from services.auth_guard import auth_guard, check_jwt, public
from services.context import current_sessions
from services.login import log_in
from services.tokens.grant import Grant


class MissingCredentials(HttpError, BadRequest):
    """A credential is missing, blank or not text. The text of the exception is the message for the client."""

    error_code = "missing_credentials"


class InvalidCredentials(HttpError, BadRequest):
    """The credentials do not authenticate a user. The response never contains the reason."""

    error_code = "invalid_credentials"
    message = "Invalid credentials"
    oauth_code = "invalid_grant"


class MissingRefreshToken(HttpError, BadRequest):
    """The refresh token is missing or not text."""

    error_code = "missing_refresh_token"
    message = "Refresh token missing"


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/api/auth", methods=["POST"])
    @public
    def auth() -> Response:
        grant = log_in(*_require_texts("email", "password"))
        if not grant:
            raise InvalidCredentials
        return _token_response(grant)

    @endpoints.route("/api/auth", methods=["DELETE"])
    @public
    def logout() -> Response:
        sessions = current_sessions()
        sessions.end(check_jwt())
        return json_response(message="Logged out")

    @endpoints.route("/api/auth/refresh", methods=["POST"])
    @public
    def refresh() -> Response:
        sessions = current_sessions()
        return _token_response(sessions.refresh(_require_refresh_token(), FIRST_PARTY_CLIENT_ID))

    @endpoints.route("/api/auth/password", methods=["POST"])
    @auth_guard()
    def password() -> Response:
        grant = change_password(g.claims, *_require_texts("password", "new_password"))
        if not grant:
            raise InvalidCredentials
        return _token_response(grant)


def _require_texts(*names: str) -> list[str]:
    body = json_object()
    texts = [text for name in names if isinstance(text := body.get(name), str) and text.strip()]
    if len(texts) < len(names):
        raise MissingCredentials(f"{' or '.join(names).capitalize()} missing")
    return texts


def _require_refresh_token() -> str:
    token = json_object().get("refresh_token")
    if not isinstance(token, str) or not token:
        raise MissingRefreshToken
    return token


def _token_response(grant: Grant) -> Response:
    return token_response(grant, {"status": 200, "data": grant.access_token}, [NO_STORE])
