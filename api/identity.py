"""The identity of the caller: for the caller (`/api/auth/me`), and for a reverse proxy (`/api/auth/verify`)."""

from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter

from api.description import describe
from api.models import Caller, Identity, Message, RoleQuery
from api.responses import Header, respond
from config.http_error import NO_STORE
from services.auth_guard import RoleRequired, auth_guard

# Characters that stay unencoded in addition to letters and digits. The comma is encoded because it separates roles.
_UNENCODED = "!#$&'()*+-./:;<=>?@[]^_`{|}~"
_IDENTITY_HEADERS = (
    ("X-Auth-User", "The claim `sub`, percent-encoded."),
    ("X-Auth-Idp", "The claim `idp`, percent-encoded."),
    ("X-Auth-Email", "The claim `email`, percent-encoded; empty if there is none."),
    ("X-Auth-Roles", "The roles, percent-encoded and comma-separated."),
)
_ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
VERIFY_PATH = "/api/auth/verify"


class _ClientPathConverter(BaseConverter):
    """A path that begins with a slash."""

    regex = "/.*"
    part_isolating = False


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/api/auth/me")
    @auth_guard()
    @describe("Sessions", "Show the user of the access token", Caller)
    def me() -> Response:
        identity = Identity(**{name: g.claims.get(name) for name in Identity.model_fields})
        return respond(Caller(data=identity), [NO_STORE])

    @auth_guard()
    @describe(
        "Sessions",
        "Check the access token and a role, for a reverse proxy",
        Message,
        *(BadRequest, RoleRequired),
        query=RoleQuery,
        headers=_IDENTITY_HEADERS,
    )
    def verify(_path: str | None = None) -> Response:
        # A query after the path of another request is that of the client, who must not choose the roles.
        if _path is None:
            _require_any_role(request.args.getlist("role"))
        return respond(Message(message="Access granted"), [NO_STORE, *_identity_headers()])

    # Flask's automatic 200 to OPTIONS would grant access.
    add_rule = partial(endpoints.add_url_rule, view_func=verify, provide_automatic_options=False)
    add_rule(VERIFY_PATH)
    # Envoy sends the method of the client's request, and appends its path and query.
    endpoints.record_once(lambda state: state.app.url_map.converters.update(client_path=_ClientPathConverter))
    add_rule(f"{VERIFY_PATH}<client_path:_path>", methods=_ALL_METHODS)


def _require_any_role(roles: list[str]) -> None:
    # If a misspelled parameter were ignored, no role would be required.
    if set(request.args) - {"role"}:
        raise BadRequest("The only parameter is role. Repeat it to accept any one of several roles")
    if roles and set(roles).isdisjoint(g.claims["roles"]):
        raise RoleRequired


def _identity_headers() -> list[Header]:
    """Return all four headers, even if empty, so that a proxy overwrites the headers that the client sent."""
    return [
        ("X-Auth-User", _encode(g.claims["sub"])),
        ("X-Auth-Idp", _encode(g.claims.get("idp", ""))),
        ("X-Auth-Email", _encode(g.claims.get("email") or "")),
        ("X-Auth-Roles", ",".join(map(_encode, g.claims["roles"]))),
    ]


def _encode(text: str) -> str:
    """Return the text as a header value: percent-encoded UTF-8 (RFC 3986), except letters, digits and _UNENCODED."""
    return quote(text, safe=_UNENCODED)
