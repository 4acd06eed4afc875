"""`/oauth/…`: the endpoints for OAuth 2.0 clients. The responses have the members that the RFCs define."""

from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Unauthorized

from api.auth import LOGIN_ERRORS, InvalidCredentials
from api.body import InvalidRequest, form
from api.description import describe
from api.oauth_models import Empty, Introspection, IntrospectionForm, RevocationForm, TokenForm, TokenSet
from api.responses import NO_CACHE, respond, token_response
from audit.events import Event, write_event
from config.clients import Client
from config.http_error import NO_STORE, REALM, HttpError
from providers.interface import Denied
from services.auth_guard import public
from services.clients import UNKNOWN_CLIENT, grant_to_client
from services.context import current_services, current_sessions
from services.jwt_handler import InvalidToken, decode_jwt
from services.keys.ring import KeysUnavailable
from services.login import log_in
from services.sessions.errors import InvalidRefreshToken, RefreshInProgress, SessionsDisabled, SessionsUnavailable
from services.tokens.grant import Grant

_HEADERS = [NO_STORE, NO_CACHE]  # RFC 6749 §5.1 requires both


class InvalidClient(HttpError, Unauthorized):
    """The client is unknown, or its secret is missing or wrong."""

    error_code = "invalid_client"
    message = "Unknown client or wrong secret"
    challenge = f"Basic {REALM}"


class UnauthorizedClient(HttpError, BadRequest):
    """The token was issued to another client."""

    error_code = "unauthorized_client"
    message = "The token was issued to another client"


class ClientWithoutRoles(UnauthorizedClient):
    """The client cannot obtain a token for itself: it has no roles, or no secret."""

    message = "The client has no roles of its own: see OAUTH_CLIENT_ROLES"


class UnsupportedGrantType(HttpError, BadRequest):
    """The grant type is unknown or disabled."""

    error_code = "unsupported_grant_type"
    message = "Unsupported grant type"


class UnsupportedTokenType(HttpError, BadRequest):
    """The service has no sessions, so no token can be revoked."""

    error_code = "unsupported_token_type"
    message = "Tokens cannot be revoked: DATABASE_URL is not set"


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/oauth/token", methods=["POST"])
    @public
    @describe(
        "OAuth",
        "Exchange a password, a refresh token or the credentials of the client for tokens",
        TokenSet,
        *(
            InvalidRequest,
            InvalidClient,
            ClientWithoutRoles,
            UnsupportedGrantType,
            *LOGIN_ERRORS,
            InvalidRefreshToken,
            RefreshInProgress,
        ),
        body=TokenForm,
        style="oauth",
    )
    def token() -> Response:
        """RFC 6749 §3.2."""
        parameters = form()
        client = _authenticate_client(parameters)
        handler = _GRANT_HANDLERS.get(_require_parameter(parameters, "grant_type"))
        if handler is None:
            raise UnsupportedGrantType
        grant = handler(parameters, client)
        # §3.3: the requested scope is ignored, and the response has the granted one, which is empty.
        scope = "" if "scope" in parameters else None
        tokens = TokenSet(
            access_token=grant.access_token,
            expires_in=grant.expires_in,
            refresh_token=grant.refresh_token,
            scope=scope,
        )
        return token_response(grant, tokens, _HEADERS)

    @endpoints.route("/oauth/introspect", methods=["POST"])
    @public
    @describe(
        "OAuth",
        "Show the claims of an access token",
        Introspection,
        *(InvalidRequest, InvalidClient, SessionsUnavailable, KeysUnavailable),
        body=IntrospectionForm,
        style="oauth",
    )
    def introspect() -> Response:
        """RFC 7662 §2. A refresh token is reported as inactive, because a resource server must not accept it."""
        parameters = form()
        client = _authenticate_client(parameters)
        if client.secret is None:
            raise _deny_client("public_client", client.id)
        try:
            claims = decode_jwt(_require_parameter(parameters, "token"))
        except InvalidToken:
            return respond(Introspection(active=False), _HEADERS)
        return respond(Introspection(**{**claims, "active": True, "token_type": "Bearer"}), _HEADERS)

    @endpoints.route("/oauth/revoke", methods=["POST"])
    @public
    @describe(
        "OAuth",
        "Revoke a token and its session",
        Empty,
        *(
            InvalidRequest,
            InvalidClient,
            UnauthorizedClient,
            UnsupportedTokenType,
            SessionsUnavailable,
            KeysUnavailable,
        ),
        body=RevocationForm,
        style="oauth",
    )
    def revoke() -> Response:
        """RFC 7009 §2. Revoking one token of a session revokes all tokens of the session."""
        parameters = form()
        client = _authenticate_client(parameters)
        _revoke_token(_require_parameter(parameters, "token"), client)
        return respond(Empty(), _HEADERS)


def _authenticate_client(parameters: Mapping[str, str]) -> Client:
    """Return the client that the header or the form authenticates (RFC 6749 §2.3.1).

    Raises InvalidClient, and InvalidRequest if both contain credentials.
    """
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if "Authorization" in request.headers:
        header_id, header_secret = _basic_credentials()
        if secret or client_id not in {None, header_id}:
            raise InvalidRequest("Multiple client authentication methods")
        client_id, secret = header_id, header_secret
    if not client_id:
        raise _deny_client("missing_credentials")
    client = current_services().clients.authenticate(client_id, secret)
    if isinstance(client, Denied):
        # A client id that is not registered can be a secret, which a person has pasted there.
        raise _deny_client(client.reason, None if client.reason == UNKNOWN_CLIENT else client_id)
    return client


def _deny_client(reason: str, client_id: str | None = None) -> InvalidClient:
    """Write the event of a client that could not authenticate, and return the exception to raise."""
    write_event(Event.CLIENT_DENIED, reason=reason, client=client_id)
    return InvalidClient()


def _basic_credentials() -> tuple[str, str | None]:
    try:
        header = request.authorization
    except ValueError:  # the base64 text has non-ASCII characters
        raise _deny_client("malformed_credentials") from None
    if header is None or header.type != "basic" or not header.username:
        raise _deny_client("malformed_credentials")
    return unquote_plus(header.username), header.password or None


def _require_parameter(parameters: Mapping[str, str], name: str) -> str:
    if name not in parameters:
        raise InvalidRequest(f"The parameter {name} is missing")
    return parameters[name]


def _password_grant(parameters: Mapping[str, str], client: Client) -> Grant:
    """RFC 6749 §4.3."""
    if not current_services().clients.password_grant:
        raise UnsupportedGrantType
    username, password = _require_parameter(parameters, "username"), _require_parameter(parameters, "password")
    grant = log_in(username, password, client.id)
    if not grant:
        raise InvalidCredentials
    return grant


def _refresh_token_grant(parameters: Mapping[str, str], client: Client) -> Grant:
    """RFC 6749 §6."""
    try:
        sessions = current_sessions()
    except SessionsDisabled:
        raise UnsupportedGrantType from None
    return sessions.refresh(_require_parameter(parameters, "refresh_token"), client.id)


def _client_credentials_grant(_parameters: Mapping[str, str], client: Client) -> Grant:
    """RFC 6749 §4.4."""
    grant = grant_to_client(current_services().issuer, client)
    if not grant:
        raise ClientWithoutRoles
    return grant


_GRANT_HANDLERS: Mapping[str, Callable[[Mapping[str, str], Client], Grant]] = {
    "client_credentials": _client_credentials_grant,
    "password": _password_grant,
    "refresh_token": _refresh_token_grant,
}


def _revoke_token(token: str, client: Client) -> None:
    try:
        sessions = current_sessions()
    except SessionsDisabled:
        raise UnsupportedTokenType from None
    if not sessions.end_by_refresh_token(token, client.id):
        raise UnauthorizedClient
    try:
        claims = decode_jwt(token)
    except InvalidToken:
        return  # RFC 7009 §2.2: revoking an invalid token succeeds
    if claims.get("client_id") != client.id:
        raise UnauthorizedClient
    sessions.end(claims)
