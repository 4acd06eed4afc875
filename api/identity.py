"""The identity of the caller: for the caller (`/api/auth/me`), and for a reverse proxy (`/api/auth/verify`)."""

from urllib.parse import quote

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import BadRequest

from api.responses import Header, json_response
from config.http_error import NO_STORE
from services.auth_guard import RoleRequired, auth_guard

_IDENTITY_CLAIMS = ("sub", "username", "email", "roles", "idp")
# Characters that stay unencoded in addition to letters and digits. The comma is encoded because it separates roles.
_UNENCODED = "!#$&'()*+-./:;<=>?@[]^_`{|}~"


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/api/auth/me")
    @auth_guard()
    def me() -> Response:
        return json_response(data={name: g.claims.get(name) for name in _IDENTITY_CLAIMS}, headers=[NO_STORE])

    # Some proxies send the method of the client's request. Flask's automatic 200 to OPTIONS would then grant access.
    @endpoints.route("/api/auth/verify", provide_automatic_options=False)
    @auth_guard()
    def verify() -> Response:
        _require_any_role(request.args.getlist("role"))
        return json_response(message="Access granted", headers=[NO_STORE, *_identity_headers()])


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
