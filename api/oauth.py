"""`/oauth/…`: the doors for standard clients. Their answers have the shapes of their RFCs."""

from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus

from flask import Flask, Response, request

from api.auth import InvalidCredentials
from api.body import InvalidRequest, form
from api.responses import NO_STORE, call_after_send, document
from config.clients import Client
from services.auth_guard import public
from services.context import current_services, current_sessions
from services.jwt_handler import InvalidToken, decode_jwt
from services.login import log_in
from services.sessions.errors import SessionsDisabled
from services.tokens.grant import Grant

# RFC 6749 §5.1 wants both.
_HEADERS = [NO_STORE, ("Pragma", "no-cache")]


class InvalidClient(Exception):
    """The client is unknown, or did not prove itself."""


class UnauthorizedClient(Exception):
    """The token is another client's."""


class UnsupportedGrantType(Exception):
    """There is no such grant here."""


class UnsupportedTokenType(Exception):
    """Tokens cannot be revoked here."""


class InvalidScope(Exception):
    """There are no scopes here."""


def init(app: Flask) -> None:
    @app.route("/oauth/token", methods=["POST"])
    @public
    def token() -> Response:
        """RFC 6749 §3.2."""
        parameters = form()
        client = _client(parameters)
        grant = _GRANTS.get(_required(parameters, "grant_type"))
        if grant is None:
            raise UnsupportedGrantType
        if "scope" in parameters:
            raise InvalidScope
        return _answer(grant(parameters, client))

    @app.route("/oauth/introspect", methods=["POST"])
    @public
    def introspect() -> Response:
        """RFC 7662 §2. A refresh token is not active here: whoever asks was given it as an access token."""
        parameters = form()
        if _client(parameters).secret is None:
            raise InvalidClient
        try:
            claims = decode_jwt(_required(parameters, "token"))
        except InvalidToken:
            return document({"active": False}, headers=_HEADERS)
        return document({**claims, "active": True, "token_type": "Bearer"}, headers=_HEADERS)

    @app.route("/oauth/revoke", methods=["POST"])
    @public
    def revoke() -> Response:
        """RFC 7009 §2. With one token of a session go all of them."""
        parameters = form()
        client = _client(parameters)
        _revoke(_required(parameters, "token"), client)
        return document({}, headers=_HEADERS)


def _client(parameters: Mapping[str, str]) -> Client:
    """Return the client that proves itself in the header or in the form (RFC 6749 §2.3.1), not in both."""
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if "Authorization" in request.headers:
        name, password = _basic()
        if secret or client_id not in {None, name}:
            raise InvalidRequest("The client proves itself in two ways")
        client_id, secret = name, password
    client = current_services().clients.authenticate(client_id, secret) if client_id else None
    if client is None:
        raise InvalidClient
    return client


def _basic() -> tuple[str, str | None]:
    try:
        header = request.authorization
    except ValueError:  # base64 beyond ASCII
        raise InvalidClient from None
    if header is None or header.type != "basic" or not header.username:
        raise InvalidClient
    return unquote_plus(header.username), header.password or None


def _required(parameters: Mapping[str, str], name: str) -> str:
    if name not in parameters:
        raise InvalidRequest(f"The parameter {name} is missing")
    return parameters[name]


def _password(parameters: Mapping[str, str], client: Client) -> Grant:
    """RFC 6749 §4.3."""
    if not current_services().clients.password_grant:
        raise UnsupportedGrantType
    grant = log_in(_required(parameters, "username"), _required(parameters, "password"), client.id)
    if not grant:
        raise InvalidCredentials
    return grant


def _refresh_token(parameters: Mapping[str, str], client: Client) -> Grant:
    """RFC 6749 §6."""
    try:
        sessions = current_sessions()
    except SessionsDisabled:
        raise UnsupportedGrantType from None
    return sessions.refresh(_required(parameters, "refresh_token"), client.id)


_GRANTS: Mapping[str, Callable[[Mapping[str, str], Client], Grant]] = {
    "password": _password,
    "refresh_token": _refresh_token,
}


def _revoke(token: str, client: Client) -> None:
    try:
        sessions = current_sessions()
    except SessionsDisabled:
        raise UnsupportedTokenType from None
    if not sessions.end_by_refresh_token(token, client.id):
        raise UnauthorizedClient
    try:
        claims = decode_jwt(token)
    except InvalidToken:
        return  # nothing to revoke, which is what was asked for
    if claims.get("client_id") != client.id:
        raise UnauthorizedClient
    sessions.end(claims)


def _answer(grant: Grant) -> Response:
    members = {"access_token": grant.access_token, "token_type": "Bearer", "expires_in": grant.expires_in}
    if grant.refresh_token:
        members["refresh_token"] = grant.refresh_token
    return call_after_send(document(members, headers=_HEADERS), grant.mark_delivered)
