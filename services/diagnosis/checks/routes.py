"""Whether every route is decided, and whether somebody can get past its guards."""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from config.text import casefold_name
from providers.interface import Check, ProviderUnavailable, SupportsListRoles
from services.chain import Chain, translate_provider_errors
from services.requirements import GuardedRoute

STEP = "routes"


class CannotLoad(Exception):
    """There is no application to look at; the text says why."""


class Routes(NamedTuple):
    """The routes of an application."""

    guarded: list[GuardedRoute]
    unmarked: list[str]
    """Neither guarded nor public."""


class _CannotTell(Exception):
    """Nobody knows which roles there can be; the text says why."""


def check_routes(chain: Chain, load: Callable[[], Routes], broken: Collection[str]) -> Iterator[Check]:
    """Yield what there is to say of the routes, which `load` returns; it raises CannotLoad."""
    try:
        guarded, unmarked = load()
    except CannotLoad as error:
        yield Check(STEP, "failure", f"the application does not start: {error}", "Start it by hand: flask run")
        return
    yield Check(STEP, "ok", f"{len(guarded)} are guarded")
    for path in unmarked:
        remedy = "Add @auth_guard() or @public between @app.route and the view function"
        yield Check(STEP, "warning", f"{path} is not guarded", remedy)
    yield from _check_roles(chain, guarded, broken)


def _check_roles(chain: Chain, guarded: list[GuardedRoute], broken: Collection[str]) -> Iterator[Check]:
    named = sorted(frozenset().union(*(route.roles for route in guarded)))
    try:
        list_roles = _grantable(chain, broken)
    except _CannotTell as error:
        yield Check(
            "roles", "ok", f"guards ask for {', '.join(named) or 'none'}; whether anybody can have them: {error}"
        )
        return
    lacking = [role for role in named if role not in list_roles]
    if not lacking:
        yield Check("roles", "ok", f"whatever guards ask for can be had: {', '.join(named) or 'no role'}")
    for role in lacking:
        yield _lacking(role, [route for route in guarded if role in route.roles], list_roles)


def _grantable(chain: Chain, broken: Collection[str]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for link in chain.links:
        if link.name in broken:
            raise _CannotTell(f"{link.name} cannot be asked now")
        if not isinstance(link.provider, SupportsListRoles):
            raise _CannotTell(f"{link.name} can give any (it has no `list_roles`)")
        try:
            with translate_provider_errors(link):
                found |= link.provider.list_roles()
        except ProviderUnavailable:
            raise _CannotTell(f"{link.name} cannot be asked now") from None
    return found


def _lacking(role: str, routes: list[GuardedRoute], list_roles: frozenset[str]) -> Check:
    more = f" and {len(routes) - 1} more" if len(routes) > 1 else ""
    found = f"{role} is asked for by {routes[0]}{more}, and no provider can give it"
    near = sorted(other for other in list_roles if casefold_name(other) == casefold_name(role))
    if near:
        found += f"; {', '.join(near)} differs only in case"
        return Check("roles", "warning", found, "Write it the same way in both places: roles compare exactly")
    return Check("roles", "warning", found, "Give it to somebody, or let a rule give it, or take it out of the guard")
