"""`/api/auth`: log in, refresh, log out, and change the password."""

from typing import TypeVar

from flask import Blueprint, Response, g
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest

from api.body import json_object
from api.description import describe
from api.models import Credentials, Message, PasswordChange, PasswordReset, RefreshToken, Tokens
from api.responses import respond, token_response
from config.clients import FIRST_PARTY_CLIENT_ID
from config.http_error import NO_STORE, HttpError
from database.errors import DatabaseUnavailable
from passwords.errors import Overloaded
from passwords.policy import WeakPassword
from providers.interface import ProviderUnavailable
from services.accounts import NoUserTable, change_password
from services.auth_guard import auth_guard, check_jwt, public
from services.context import current_sessions
from services.keys.ring import KeysUnavailable
from services.login import log_in
from services.password_reset import reset_password
from services.sessions.errors import InvalidRefreshToken, RefreshInProgress, SessionsDisabled, SessionsUnavailable
from services.throttle.errors import Throttled
from services.tokens.grant import Grant

Model = TypeVar("Model", bound=BaseModel)


class MissingCredentials(HttpError, BadRequest):
    """A credential is missing, blank or not text. The text of the exception is the message for the client."""

    error_code = "missing_credentials"
    example = "Email or password missing"


class InvalidCredentials(HttpError, BadRequest):
    """The credentials do not authenticate a user. The response never contains the reason."""

    error_code = "invalid_credentials"
    message = "Invalid credentials"
    oauth_code = "invalid_grant"


class InvalidResetCode(HttpError, BadRequest):
    """The login and the code do not belong together, or the code has expired or was used."""

    error_code = "invalid_reset_code"
    message = "Invalid login or reset code"


class MissingRefreshToken(HttpError, BadRequest):
    """The refresh token is missing or not text."""

    error_code = "missing_refresh_token"
    message = "Refresh token missing"


LOGIN_ERRORS = (InvalidCredentials, Throttled, Overloaded, ProviderUnavailable, SessionsUnavailable, KeysUnavailable)
"""The errors of each endpoint that takes a password."""


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/api/auth", methods=["POST"])
    @public
    @describe(
        "Sessions",
        "Exchange an email and password for tokens",
        Tokens,
        MissingCredentials,
        *LOGIN_ERRORS,
        body=Credentials,
    )
    def auth() -> Response:
        credentials = _require(Credentials)
        grant = log_in(credentials.email, credentials.password)
        if not grant:
            raise InvalidCredentials
        return _token_response(grant)

    @endpoints.route("/api/auth", methods=["DELETE"])
    @public
    @describe("Sessions", "End the session of the access token", Message, SessionsDisabled, guarded=True)
    def logout() -> Response:
        sessions = current_sessions()
        sessions.end(check_jwt())
        return respond(Message(message="Logged out"))

    @endpoints.route("/api/auth/refresh", methods=["POST"])
    @public
    @describe(
        "Sessions",
        "Exchange a refresh token for new tokens",
        Tokens,
        *(MissingRefreshToken, InvalidRefreshToken, SessionsDisabled),
        *(RefreshInProgress, SessionsUnavailable, ProviderUnavailable, Overloaded, KeysUnavailable),
        body=RefreshToken,
    )
    def refresh() -> Response:
        sessions = current_sessions()
        presented = _require(RefreshToken, MissingRefreshToken())
        return _token_response(sessions.refresh(presented.refresh_token, FIRST_PARTY_CLIENT_ID))

    @endpoints.route("/api/auth/password", methods=["POST"])
    @auth_guard()
    @describe(
        "Sessions",
        "Change the password of the caller",
        Tokens,
        *(MissingCredentials, *LOGIN_ERRORS, WeakPassword, NoUserTable, DatabaseUnavailable),
        body=PasswordChange,
    )
    def password() -> Response:
        change = _require(PasswordChange)
        grant = change_password(g.claims, change.password, change.new_password)
        if not grant:
            raise InvalidCredentials
        return _token_response(grant)

    @endpoints.route("/api/auth/password/reset", methods=["POST"])
    @public
    @describe(
        "Sessions",
        "Set a new password with a one-time code",
        Message,
        *(MissingCredentials, InvalidResetCode, WeakPassword, NoUserTable, Throttled, Overloaded, DatabaseUnavailable),
        body=PasswordReset,
    )
    def reset() -> Response:
        members = _require(PasswordReset)
        if not reset_password(members.login, members.code, members.new_password):
            raise InvalidResetCode
        return respond(Message(message="The password is set. Log in with it"), [NO_STORE])


def _require(model: type[Model], missing: HttpError | None = None) -> Model:
    """Return the body. If one of the texts of the model is missing or blank, raises `missing`.

    By default, this is a MissingCredentials that names the texts.
    """
    members = json_object()
    try:
        return model.model_validate(members)
    except ValidationError:
        raise missing or MissingCredentials(f"{' or '.join(model.model_fields).capitalize()} missing") from None


def _token_response(grant: Grant) -> Response:
    tokens = Tokens(data=grant.access_token, expires_in=grant.expires_in, refresh_token=grant.refresh_token)
    return token_response(grant, tokens, [NO_STORE])
