"""Who is calling: for the caller (`/api/auth/me`), and for a proxy that asks before it lets them through."""

from urllib.parse import quote

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from api.responses import NO_STORE, answer
from services.auth_guard import RoleRequired, auth_guard

_TOLD = ("sub", "username", "email", "roles", "idp")
# What may stand in a header as it is; the comma is left to separate roles.
_PLAIN = "!#$&'()*+-./:;<=>?@[]^_`{|}~"


def init(app: Flask) -> None:
    @app.route("/api/auth/me")
    @auth_guard()
    def me() -> Response:
        return answer(data={name: g.claims.get(name) for name in _TOLD}, headers=[NO_STORE])

    # A proxy that asks with the client's own method must not take the answer to OPTIONS for a yes.
    @app.route("/api/auth/verify", provide_automatic_options=False)
    @auth_guard()
    def verify() -> Response:
        _require_one_of(request.args.getlist("role"))
        return answer(message="Let through", headers=[NO_STORE, *_headers()])


def _require_one_of(roles: list[str]) -> None:
    # A role under a misspelt name would be asked of nobody.
    if set(request.args) - {"role"}:
        raise BadRequest("The only parameter is role, once for each role of which one is needed")
    if roles and set(roles).isdisjoint(g.claims["roles"]):
        raise RoleRequired


def _headers() -> list[tuple[str, str]]:
    """Return all three, empty ones too, so that they push aside whatever the client sent under these names."""
    return [
        ("X-Auth-User", _written(g.claims["sub"])),
        ("X-Auth-Email", _written(g.claims.get("email") or "")),
        ("X-Auth-Roles", ",".join(map(_written, g.claims["roles"]))),
    ]


def _written(text: str) -> str:
    """Return the text as a header can carry it: percent-encoded UTF-8 (RFC 3986 §2.1) but for plain ASCII."""
    return quote(text, safe=_PLAIN)
