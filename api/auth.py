"""`/api/auth`: credentials in, tokens out; a token exchanged for the next; and the end of it all."""

from flask import Flask, Response

from api.answers import NO_STORE, answer, document, when_sent
from api.body import json_object
from config.clients import FIRST_PARTY
from services.auth_guard import check_jwt, public
from services.grants import Grant, current_sessions, log_in


class MissingCredentials(Exception):
    """The e-mail address or the password is missing, blank, or not text."""


class InvalidCredentials(Exception):
    """The credentials prove nobody. The client never learns why."""


class MissingRefreshToken(Exception):
    """There is no refresh token, or it is not text."""


def init(app: Flask) -> None:
    @app.route("/api/auth", methods=["POST"])
    @public
    def auth() -> Response:
        grant = log_in(*_credentials())
        if not grant:
            raise InvalidCredentials
        return _answer(grant)

    @app.route("/api/auth", methods=["DELETE"])
    @public
    def logout() -> Response:
        sessions = current_sessions()
        sessions.end(check_jwt())
        return answer(message="Logged out")

    @app.route("/api/auth/refresh", methods=["POST"])
    @public
    def refresh() -> Response:
        sessions = current_sessions()
        return _answer(sessions.refresh(_refresh_token(), FIRST_PARTY))


def _credentials() -> tuple[str, str]:
    body = json_object()
    email, password = body.get("email"), body.get("password")
    if not isinstance(email, str) or not isinstance(password, str) or not email.strip() or not password.strip():
        raise MissingCredentials
    return email, password


def _refresh_token() -> str:
    token = json_object().get("refresh_token")
    if not isinstance(token, str) or not token:
        raise MissingRefreshToken
    return token


def _answer(grant: Grant) -> Response:
    members: dict[str, object] = {"data": grant.access_token, "token_type": "Bearer", "expires_in": grant.expires_in}
    if grant.refresh_token:
        members["refresh_token"] = grant.refresh_token
    return when_sent(document({"status": 200, **members}, headers=[NO_STORE]), grant.delivered)
