"""The guard: `@auth_guard('admin')` above a view keeps everybody else out."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask, current_app, g, request

from services.jwt_handler import decode_jwt
from services.requirements import GuardedRoute, RoleRequirement
from services.tokens.claims import Claims

P = ParamSpec("P")

_REQUIRED = "_latchkey_required"
"""Where a view keeps the requirements of its guards; there are none if it is public."""


class MissingToken(Exception):
    """The request has no bearer token."""


class RoleRequired(Exception):
    """The token is good, but its user lacks a role."""


def check_jwt() -> Claims:
    """Return the verified claims of the request's access token; they are `flask.g.claims` from then on.

    Only the `Authorization` header counts, never a query, a cookie or another header (RFC 6750 §2.3).
    Raises MissingToken if it has no bearer token, InvalidToken if that is not good.
    """
    # RFC 9110 §11.4: the scheme in any case, then spaces, then the token and nothing else.
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip(" "):
        raise MissingToken
    claims: Claims = decode_jwt(token.strip(" "))
    g.claims = claims
    return claims


def auth_guard(
    role: str | None = None, *others: str, all_of: Iterable[str] | None = None
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Let a view be called only with a good access token, and the roles named.

    Without arguments any user will do; with roles, a user who has one of them; with `all_of`, one
    who has each of those. Roles compare exactly. In the view `flask.g.claims` is who is calling.
    Raises TypeError or ValueError where the view is defined if the arguments make no sense.
    """
    if callable(role):
        raise TypeError("the guard is written with brackets: @auth_guard() or @auth_guard('admin')")
    if isinstance(all_of, str):
        raise TypeError("all_of takes several roles: all_of=('admin', 'editor')")
    requirement = RoleRequirement(
        any_of=_roles(role, *others) if role is not None or others else None,
        all_of=_roles(*all_of) if all_of is not None else frozenset(),
    )

    def guard(view: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            if not requirement.allows(check_jwt()["roles"]):
                raise RoleRequired
            return current_app.ensure_sync(view)(*args, **kwargs)

        return _decided(guarded, requirement)

    return guard


def public(view: Callable[P, Any]) -> Callable[P, Any]:
    """Say that a view is meant for everybody, so that nobody is warned of it."""
    return _decided(view)


def unmarked_routes(app: Flask) -> list[str]:
    """Return the routes that are neither guarded nor public.

    A guard that was forgotten shows here, and one that stands above `@app.route`, where it does nothing.
    """
    return sorted(
        rule.rule for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], _REQUIRED)
    )


def guarded_routes(app: Flask) -> list[GuardedRoute]:
    """Return the routes that are guarded, with what their guards ask for, by path."""
    found = (
        GuardedRoute(rule.rule, tuple(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})), required)
        for rule in app.url_map.iter_rules()
        if (required := getattr(app.view_functions[rule.endpoint], _REQUIRED, ()))
    )
    return sorted(found, key=lambda route: (route.path, route.methods))


def _decided(view: Callable[P, Any], *requirements: RoleRequirement) -> Callable[P, Any]:
    setattr(view, _REQUIRED, (*requirements, *getattr(view, _REQUIRED, ())))
    return view


def _roles(*roles: object) -> frozenset[str]:
    """Return the roles as a set, once it is sure that they shut anybody out."""
    if not roles:
        raise ValueError("all_of names no role, which would let everybody in; leave it out if that is meant")
    if not all(isinstance(role, str) and role for role in roles):
        raise TypeError("a role is a text that is not empty: @auth_guard('admin', 'editor')")
    return frozenset(map(str, roles))
