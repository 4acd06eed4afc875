"""What a guard asks for can be read off the route, and is what the guard does."""

from itertools import chain, combinations

import pytest
from flask import Flask

from services.auth_guard import auth_guard, guarded_routes, public
from services.requirements import RoleRequirement
from services.tokens.issuer import TokenIssuer
from tests.services.test_guard import GUARDS, bearer

ROLES = ("admin", "editor", "a", "b")
EVERY_SET = list(chain.from_iterable(combinations(ROLES, size) for size in range(len(ROLES) + 1)))


def view() -> str:
    return "in"


@pytest.mark.parametrize("roles", EVERY_SET, ids=",".join)
def test_what_is_told_of_a_route_is_what_its_guard_does(
    app: Flask, issuer: TokenIssuer, roles: tuple[str, ...]
) -> None:
    for name, guard in GUARDS.items():
        app.add_url_rule(f"/{name}", name, guard(view))
    told = {route.path: route.allows(roles) for route in guarded_routes(app) if not route.path.startswith("/api")}
    client = app.test_client()
    done = {f"/{name}": client.get(f"/{name}", headers=bearer(issuer, *roles)).status_code == 200 for name in GUARDS}
    assert told == done


def test_of_two_guards_both_are_told(app: Flask, issuer: TokenIssuer) -> None:
    app.add_url_rule("/both", "both", auth_guard("a", "b")(auth_guard("admin")(view)), methods=["PUT", "GET"])
    app.add_url_rule("/marked", "marked", public(auth_guard("admin")(view)))
    both, marked = (route for route in guarded_routes(app) if route.path in {"/both", "/marked"})
    assert (str(both), both.needs) == ("GET,PUT /both", "a or b; and admin")
    assert both.roles == {"a", "b", "admin"}
    assert marked.needs == "admin"
    client = app.test_client()
    for roles, opens in ((("a",), False), (("admin",), False), (("admin", "b"), True)):
        assert both.allows(roles) == (client.get("/both", headers=bearer(issuer, *roles)).status_code == 200) == opens


def test_what_is_for_everybody_is_not_guarded(app: Flask) -> None:
    app.add_url_rule("/open", "open", public(view))
    app.add_url_rule("/forgotten", "forgotten", view)
    assert not {"/open", "/forgotten"} & {route.path for route in guarded_routes(app)}


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        (RoleRequirement(), "any user"),
        (RoleRequirement(frozenset({"a"})), "a"),
        (RoleRequirement(frozenset({"b", "a"})), "a or b"),
        (RoleRequirement(None, frozenset({"y", "x"})), "x and y"),
        (RoleRequirement(frozenset({"a"}), frozenset({"x"})), "a and x"),
        (RoleRequirement(frozenset({"a", "b"}), frozenset({"x"})), "(a or b) and x"),
    ],
)
def test_a_requirement_in_words(requirement: RoleRequirement, words: str) -> None:
    assert str(requirement) == words
