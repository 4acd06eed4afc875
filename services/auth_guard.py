"""The guard: `@auth_guard('admin')` above a view requires a valid access token and a role."""

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from types import FrameType
from typing import Any, ParamSpec, TypeVar
from wsgiref.types import WSGIEnvironment

import click
from flask import Blueprint, Flask, current_app, request
from werkzeug.exceptions import Forbidden, Unauthorized

from config.http_error import INSUFFICIENT_SCOPE, REALM, RESPONSE_ERROR, HttpError
from services.context import current_globals, current_request, current_services
from services.guard_counts import ALLOWED, count_request
from services.requirements import RoleRequirement, mark, requirements_of
from services.tokens.claims import Claims

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., Any])

_ANY_USER = RoleRequirement()


class MissingToken(HttpError, Unauthorized):
    """The request has no bearer token."""

    error_code = "missing_token"
    message = "Missing access token"
    challenge = f"Bearer {REALM}"


class RoleRequired(HttpError, Forbidden):
    """The access token is valid, but does not have the required roles."""

    error_code = "role_required"
    message = "Authorization required."
    challenge = INSUFFICIENT_SCOPE


class InvalidGuard(click.ClickException, TypeError, ValueError):
    """A guard has invalid arguments. The message names the line of the code.

    A click exception, so that the command line and gunicorn print it as a message and not as a traceback.
    """

    exit_code = 2

    def __init__(self, message: str) -> None:
        caller = next(frame for frame in _callers() if frame.f_code.co_filename != __file__)
        super().__init__(f"{caller.f_code.co_filename}, line {caller.f_lineno}: {message}")


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to a caller
    while frame:
        yield frame
        frame = frame.f_back


def check_jwt() -> Claims:
    """Return the verified claims of the request's access token, and store them in `flask.g.claims`.

    Only the `Authorization` header counts, not the query, a cookie or another header (RFC 6750 §2.3). Raises
    MissingToken if it has no bearer token, and what `TokenIssuer.decode` raises.

    `app.before_request(check_jwt)` guards each view that is not `@public`, as `guard_blueprint(app)` does.
    """
    if _runs_before_view():
        _require_if_needed(_ANY_USER)
        return None  # type: ignore[return-value]  # Flask would send the claims as the response
    return _require(_ANY_USER)


mark(check_jwt, _ANY_USER)


def auth_guard(
    role: str | None = None, *others: str, all_of: Iterable[str] | None = None
) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Allow a view only with a valid access token that has the required roles.

    Without arguments every user is allowed. With roles, the user needs one of them; with `all_of`, all of those.
    Roles are compared exactly. In the view, `flask.g.claims` has the claims of the token. Raises InvalidGuard if the
    arguments are invalid, when the view is defined.
    """
    requirement = _requirement(role, others, all_of)

    def guard(view: Callable[P, Any]) -> Callable[P, Any]:
        if isinstance(view, type):
            raise InvalidGuard("auth_guard guards functions. In a class-based view: decorators = [auth_guard('admin')]")

        is_async = iscoroutinefunction(view)

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
            _require(requirement)
            try:
                return current_app.ensure_sync(view)(*args, **kwargs) if is_async else view(*args, **kwargs)
            except HttpError as error:
                current_request().environ[RESPONSE_ERROR] = error
                raise

        return mark(guarded, requirement)

    return mark(guard, requirement)


def guard_blueprint(
    target: Blueprint | Flask, role: str | None = None, *others: str, all_of: Iterable[str] | None = None
) -> None:
    """Guard all views of a blueprint, or of an application, as `auth_guard` with the same arguments does.

    Views that are marked `@public`, and the responses to OPTIONS that Flask creates itself, remain public: a browser
    sends no token with a CORS preflight.
    """
    requirement = _requirement(role, others, all_of)

    def check() -> None:
        _require_if_needed(requirement)

    target.before_request(mark(check, requirement))


def public(view: V = None) -> V:  # type: ignore[assignment]  # `@public()` is a common mistake
    """Mark a view as public: it needs no access token, and the service logs no warning about its route.

    Raises InvalidGuard if it is not above a function.
    """
    if isinstance(view, type):
        raise InvalidGuard("public marks functions. In a class-based view: decorators = [public]")
    if not callable(view):
        raise InvalidGuard("public has no arguments and no parentheses: @public")
    return mark(view)


def _requirement(role: object, others: Iterable[object], all_of: Iterable[str] | None) -> RoleRequirement:
    if callable(role):
        raise InvalidGuard("auth_guard needs parentheses: @auth_guard() or @auth_guard('admin')")
    if isinstance(all_of, str):
        raise InvalidGuard("all_of must be a collection of roles: all_of=('admin', 'editor')")
    return RoleRequirement(
        any_of=_role_set(role, *others) if role is not None or others else None,
        all_of=_role_set(*all_of) if all_of is not None else frozenset(),
    )


def _role_set(*roles: object) -> frozenset[str]:
    """Return the roles as a set. Raises InvalidGuard if there are none, or a role is not text."""
    if not roles:
        raise InvalidGuard("all_of is empty: name at least one role, or omit it to allow every user")
    if not all(isinstance(role, str) and role for role in roles):
        raise InvalidGuard("a role must be non-empty text: @auth_guard('admin', 'editor')")
    return frozenset(map(str, roles))


def _require_if_needed(requirement: RoleRequirement) -> None:
    """Guard the view of the request before it is called, unless it is public."""
    if _needs_guard():
        _require(requirement)


def _require(requirement: RoleRequirement) -> Claims:
    environ = current_request().environ
    try:
        claims = current_services().issuer.decode(_bearer_token_in(environ))
        current_globals().claims = claims
        if not requirement.allows(claims["roles"]):
            raise RoleRequired
    except HttpError as error:
        environ[RESPONSE_ERROR] = error
        count_request(error.error_code)
        raise
    count_request(ALLOWED)
    return claims


def bearer_token() -> str:
    """Return the bearer token in the header `Authorization` of the request. Raises MissingToken."""
    return _bearer_token_in(current_request().environ)


def _bearer_token_in(environ: WSGIEnvironment) -> str:
    # RFC 9110 §11.4: a case-insensitive scheme, spaces, the token.
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    token: str = credentials.strip(" ")
    if not token or scheme.lower() != "bearer":
        raise MissingToken
    return token


def _runs_before_view() -> bool:
    """Return whether Flask itself calls `check_jwt`, as a function of `before_request`."""
    return sys._getframe(2).f_code is Flask.preprocess_request.__code__  # noqa: SLF001 - the documented way to a caller


def _needs_guard() -> bool:
    """Return whether the guard of a blueprint or an application applies to the view of the request."""
    if request.endpoint is None or request.url_rule is None:
        return False  # no view: the response is 404 or 405
    if request.method == "OPTIONS" and getattr(request.url_rule, "provide_automatic_options", False):
        return False
    return requirements_of(current_app.view_functions[request.endpoint], request.method) != ()
