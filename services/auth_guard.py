"""The guard: `@auth_guard('admin')` above a view requires a valid access token and a role."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask, current_app, g, request

from services.jwt_handler import decode_jwt
from services.requirements import GuardedRoute, RoleRequirement
from services.tokens.claims import Claims

P = ParamSpec("P")

_REQUIREMENTS = "_latchkey_requirements"
"""The attribute of a view with the requirements of its guards: empty if the view is public, absent if unmarked."""


class MissingToken(Exception):
    """The request has no bearer token."""


class RoleRequired(Exception):
    """The access token is valid, but does not have the required roles."""


def check_jwt() -> Claims:
    """Return the verified claims of the request's access token, and store them in `flask.g.claims`.

    Only the `Authorization` header counts, not the query, a cookie or another header (RFC 6750 §2.3). Raises
    MissingToken if it has no bearer token, and what `TokenIssuer.decode` raises.
    """
    # RFC 9110 §11.4: a case-insensitive scheme, spaces, the token.
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    token = credentials.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise MissingToken
    claims: Claims = decode_jwt(token)
    g.claims = claims
    return claims


def auth_guard(
    role: str | None = None, *others: str, all_of: Iterable[str] | None = None
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Allow a view only with a valid access token that has the required roles.

    Without arguments every user is allowed. With roles, the user needs one of them; with `all_of`, all of those.
    Roles are compared exactly. In the view, `flask.g.claims` has the claims of the token. Raises TypeError or
    ValueError if the arguments are invalid, when the view is defined.
    """
    if callable(role):
        raise TypeError("auth_guard needs parentheses: @auth_guard() or @auth_guard('admin')")
    if isinstance(all_of, str):
        raise TypeError("all_of must be a collection of roles: all_of=('admin', 'editor')")
    requirement = RoleRequirement(
        any_of=_role_set(role, *others) if role is not None or others else None,
        all_of=_role_set(*all_of) if all_of is not None else frozenset(),
    )

    def guard(view: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            if not requirement.allows(check_jwt()["roles"]):
                raise RoleRequired
            return current_app.ensure_sync(view)(*args, **kwargs)

        return _mark(guarded, requirement)

    return guard


def public(view: Callable[P, Any]) -> Callable[P, Any]:
    """Mark a view as public: it needs no access token, and the service logs no warning about its route."""
    return _mark(view)


def unmarked_routes(app: Flask) -> list[str]:
    """Return the paths of the routes that are neither guarded nor public, in alphabetical order.

    The reason is a forgotten guard, or a guard above `@app.route`, where it has no effect.
    """
    return sorted(
        rule.rule for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], _REQUIREMENTS)
    )


def guarded_routes(app: Flask) -> list[GuardedRoute]:
    """Return the guarded routes and their role requirements, sorted by path."""
    routes = (
        GuardedRoute(rule.rule, tuple(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})), required)
        for rule in app.url_map.iter_rules()
        if (required := getattr(app.view_functions[rule.endpoint], _REQUIREMENTS, ()))
    )
    return sorted(routes, key=lambda route: (route.path, route.methods))


def _mark(view: Callable[P, Any], *requirements: RoleRequirement) -> Callable[P, Any]:
    setattr(view, _REQUIREMENTS, (*requirements, *getattr(view, _REQUIREMENTS, ())))
    return view


def _role_set(*roles: object) -> frozenset[str]:
    """Return the roles as a set. Raises ValueError if there are none, and TypeError if a role is not text."""
    if not roles:
        raise ValueError("all_of is empty: name at least one role, or omit it to allow every user")
    if not all(isinstance(role, str) and role for role in roles):
        raise TypeError("a role must be non-empty text: @auth_guard('admin', 'editor')")
    return frozenset(map(str, roles))
