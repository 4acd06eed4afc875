"""The checks of the routes: each is guarded or public, and its roles are those of a user, a client or a token."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from providers.interface import Check
from services.requirements import Route
from services.roles import RolesUnknown, similar_roles

STEP = "routes"
EXAMPLES = "api.routes."
"""The beginning of the views of the example routes."""
UNMARKED_REMEDY = "Add @auth_guard() or @public between @app.route and the view function"


class ApplicationNotLoaded(Exception):
    """The application does not start. Each of the reasons has a remedy, unless it implies what to do."""

    def __init__(self, reasons: Iterable[tuple[str, str | None]]) -> None:
        super().__init__()
        self.reasons = tuple(reasons)


class Routes(NamedTuple):
    """The routes of an application."""

    guarded: list[Route]
    unmarked: list[Route]
    """Those with neither `@auth_guard` nor `@public`."""


def check_routes(load: Callable[[], Routes], list_roles: Callable[[], frozenset[str]]) -> Iterator[Check]:
    """Yield the findings about the routes that `load` returns; it may raise ApplicationNotLoaded.

    `list_roles` returns the roles that users and machines can have, or raises RolesUnknown.
    """
    try:
        guarded, unmarked = load()
    except ApplicationNotLoaded as error:
        for found, remedy in error.reasons:
            yield Check(STEP, "failure", f"the application does not start: {found}", remedy)
        return
    yield Check(STEP, "ok", f"{len(guarded)} routes are guarded")
    for route in unmarked:
        yield Check(
            STEP, "warning", f"{route} ({route.view}) is neither guarded nor public: {route.source}", UNMARKED_REMEDY
        )
    yield from check_roles(guarded, list_roles)


def check_roles(guarded: Collection[Route], list_roles: Callable[[], frozenset[str]]) -> Iterator[Check]:
    """Yield the findings about the roles that these routes require; `list_roles` as for `check_routes`."""
    required = sorted(frozenset().union(*(route.roles for route in guarded)))
    names = ", ".join(required) or "no role"
    try:
        available = list_roles()
    except RolesUnknown as error:
        yield Check("roles", "ok", f"the guards require {names}; it is not known whether users can have them: {error}")
        return
    missing = [role for role in required if role not in available]
    if not missing:
        yield Check("roles", "ok", f"users or machines can have each role that the guards require: {names}")
    for role in missing:
        yield _check_missing_role(role, [route for route in guarded if role in route.roles], available)


def _check_missing_role(role: str, routes: list[Route], available: frozenset[str]) -> Check:
    if all(route.view.startswith(EXAMPLES) for route in routes):
        found = f"no provider can give the role {role}, which only an example route requires: {routes[0]}"
        return Check("roles", "info", found, "Set EXAMPLE_ROUTES=false if you do not need the examples")
    more = f" and {len(routes) - 1} more" if len(routes) > 1 else ""
    found = f"no provider can give the role {role}, required by {routes[0]}{more}"
    if similar := similar_roles(role, available):
        found += f"; they can give {', '.join(similar)}"
        return Check("roles", "warning", found, "Use the same spelling in the store and in the guard")
    return Check(
        "roles",
        "warning",
        found,
        "Give a user, a client or a service token this role, add a role rule, or remove it from the guard",
    )
