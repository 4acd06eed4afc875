"""The requirements of a guarded route are what its guards enforce."""

from itertools import chain, combinations

import pytest
from flask import Flask

from services.auth_guard import auth_guard, public
from services.requirements import RoleRequirement
from services.route_map import guarded_routes
from services.tokens.issuer import TokenIssuer
from tests.services.test_guard import GUARDS, bearer

ROLES = ("admin", "editor", "a", "b")
EVERY_SET = list(chain.from_iterable(combinations(ROLES, size) for size in range(len(ROLES) + 1)))


def view() -> str:
    return "in"


@pytest.mark.parametrize("roles", EVERY_SET, ids=",".join)
def test_route_allows_the_roles_that_its_guard_allows(app: Flask, issuer: TokenIssuer, roles: tuple[str, ...]) -> None:
    for name, guard in GUARDS.items():
        app.add_url_rule(f"/{name}", name, guard(view))
    expected = {route.path: route.allows(roles) for route in guarded_routes(app) if not route.path.startswith("/api")}
    client = app.test_client()
    allowed = {f"/{name}": client.get(f"/{name}", headers=bearer(issuer, *roles)).status_code == 200 for name in GUARDS}
    assert allowed == expected


def test_requirements_of_two_guards_both_apply(app: Flask, issuer: TokenIssuer) -> None:
    app.add_url_rule("/both", "both", auth_guard("a", "b")(auth_guard("admin")(view)), methods=["PUT", "GET"])
    app.add_url_rule("/marked", "marked", public(auth_guard("admin")(view)))
    both, marked = (route for route in guarded_routes(app) if route.path in {"/both", "/marked"})
    assert (str(both), both.needs) == ("GET,PUT /both", "a or b; and admin")
    assert both.roles == {"a", "b", "admin"}
    assert marked.needs == "admin"
    client = app.test_client()
    for roles, allowed in ((("a",), False), (("admin",), False), (("admin", "b"), True)):
        assert both.allows(roles) == (client.get("/both", headers=bearer(issuer, *roles)).status_code == 200) == allowed


def test_public_and_undecided_routes_are_not_guarded(app: Flask) -> None:
    app.add_url_rule("/open", "open", public(view))
    app.add_url_rule("/forgotten", "forgotten", view)
    assert not {"/open", "/forgotten"} & {route.path for route in guarded_routes(app)}


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        (RoleRequirement(), "any user"),
        (RoleRequirement(frozenset({"a"})), "a"),
        (RoleRequirement(frozenset({"b", "a"})), "a or b"),
        (RoleRequirement(None, frozenset({"y", "x"})), "x and y"),
        (RoleRequirement(frozenset({"a"}), frozenset({"x"})), "a and x"),
        (RoleRequirement(frozenset({"a", "b"}), frozenset({"x"})), "(a or b) and x"),
    ],
)
def test_requirement_as_text(requirement: RoleRequirement, text: str) -> None:
    assert str(requirement) == text
