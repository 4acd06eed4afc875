"""`/api/auth`: credentials in, access token out."""

from flask import Flask, Response

from api.answers import answer
from api.body import json_object
from services.auth_guard import public
from services.auth_provider import authenticate
from services.current import current
from services.jwt_handler import generate_jwt


class MissingCredentials(Exception):
    """The e-mail address or the password is missing, blank, or not text."""


class InvalidCredentials(Exception):
    """The credentials prove nobody. The client never learns why."""


def init(app: Flask) -> None:
    @app.route("/api/auth", methods=["POST"])
    @public
    def auth() -> Response:
        user = authenticate(*_credentials())
        if not user:
            raise InvalidCredentials
        return answer(
            data=generate_jwt(user),
            token_type="Bearer",  # noqa: S106 - the name of a scheme
            expires_in=current().issuer.lifetime(),
            headers=[("Cache-Control", "no-store")],
        )


def _credentials() -> tuple[str, str]:
    body = json_object()
    email, password = body.get("email"), body.get("password")
    if not isinstance(email, str) or not isinstance(password, str) or not email.strip() or not password.strip():
        raise MissingCredentials
    return email, password
