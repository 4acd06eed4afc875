"""`/api/auth`: credentials in, tokens out; a token exchanged for the next; a new password; and the end of it all."""

from flask import Flask, Response, g

from api.body import json_object
from api.responses import NO_STORE, answer, call_after_send, document
from config.clients import FIRST_PARTY
from services.accounts import change_password
from services.auth_guard import auth_guard, check_jwt, public
from services.context import current_sessions
from services.login import log_in
from services.tokens.grant import Grant


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
        grant = log_in(*_texts("email", "password"))
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

    @app.route("/api/auth/password", methods=["POST"])
    @auth_guard()
    def password() -> Response:
        if not change_password(g.claims, *_texts("password", "new_password")):
            raise InvalidCredentials
        return answer(message="Password changed", headers=[NO_STORE])


def _texts(*names: str) -> list[str]:
    body = json_object()
    texts = [text for name in names if isinstance(text := body.get(name), str) and text.strip()]
    if len(texts) < len(names):
        raise MissingCredentials(f"{' or '.join(names).capitalize()} missing")
    return texts


def _refresh_token() -> str:
    token = json_object().get("refresh_token")
    if not isinstance(token, str) or not token:
        raise MissingRefreshToken
    return token


def _answer(grant: Grant) -> Response:
    members: dict[str, object] = {"data": grant.access_token, "token_type": "Bearer", "expires_in": grant.expires_in}
    if grant.refresh_token:
        members["refresh_token"] = grant.refresh_token
    return call_after_send(document({"status": 200, **members}, headers=[NO_STORE]), grant.mark_delivered)
