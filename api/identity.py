"""The identity of the caller: for the caller (`/api/auth/me`), and for a reverse proxy (`/api/auth/verify`)."""

from urllib.parse import quote

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from api.responses import NO_STORE, Header, json_response
from services.auth_guard import RoleRequired, auth_guard

_IDENTITY_CLAIMS = ("sub", "username", "email", "roles", "idp")
# The printable ASCII characters that a header value keeps unencoded. The comma is missing: it separates roles.
_UNENCODED = "!#$&'()*+-./:;<=>?@[]^_`{|}~"


def init(app: Flask) -> None:
    @app.route("/api/auth/me")
    @auth_guard()
    def me() -> Response:
        return json_response(data={name: g.claims.get(name) for name in _IDENTITY_CLAIMS}, headers=[NO_STORE])

    # Some proxies repeat the client's method. The automatic response to OPTIONS, a 200, would then grant access.
    @app.route("/api/auth/verify", provide_automatic_options=False)
    @auth_guard()
    def verify() -> Response:
        _require_any_role(request.args.getlist("role"))
        return json_response(message="Access granted", headers=[NO_STORE, *_identity_headers()])


def _require_any_role(roles: list[str]) -> None:
    # A misspelled parameter would otherwise mean that no role is required.
    if set(request.args) - {"role"}:
        raise BadRequest("The only parameter is role. Repeat it to accept any one of several roles")
    if roles and set(roles).isdisjoint(g.claims["roles"]):
        raise RoleRequired


def _identity_headers() -> list[Header]:
    """Return all three headers, even if empty, so that a proxy overwrites those that the client sent."""
    return [
        ("X-Auth-User", _encode(g.claims["sub"])),
        ("X-Auth-Email", _encode(g.claims.get("email") or "")),
        ("X-Auth-Roles", ",".join(map(_encode, g.claims["roles"]))),
    ]


def _encode(text: str) -> str:
    """Return the text as a header value: plain ASCII, the rest as percent-encoded UTF-8 (RFC 3986 §2.1)."""
    return quote(text, safe=_UNENCODED)
