"""The map of the routes shows what really guards them: decorators, methods of views, and hooks of blueprints."""

from collections.abc import Callable
from typing import Any

import flask_restful
import flask_restx
import pytest
from flask import Blueprint, Flask, abort, g
from flask.views import MethodView

from services.auth_guard import auth_guard, check_jwt, guard_blueprint, public
from services.route_map import route_map, unmarked_routes
from services.tokens.issuer import TokenIssuer
from tests.services.test_guard import bearer

ROLE_SETS = ((), ("user",), ("admin",), ("user", "admin"))


def view() -> str:
    return "in"


class Methods(MethodView):
    """Has a guard on one method, none on another one, and a public one."""

    @auth_guard("admin")
    def post(self) -> str:
        return "in"

    @public
    def put(self) -> str:
        return "in"

    def get(self) -> str:
        return "in"


class Decorated(MethodView):
    decorators = [auth_guard("user")]  # noqa: RUF012 - as in Flask's documentation

    @auth_guard("admin")
    def post(self) -> str:
        return "in"

    def get(self) -> str:
        return "in"


class Resource(flask_restx.Resource):  # type: ignore[misc]  # no types
    method_decorators = [auth_guard("admin")]  # noqa: RUF012

    def post(self) -> str:
        return "in"

    @auth_guard("user")
    def get(self) -> str:
        return "in"


class RestfulResource(flask_restful.Resource):  # type: ignore[misc]  # no types
    method_decorators = {"post": [auth_guard("admin")]}  # noqa: RUF012

    def post(self) -> str:
        return "in"

    @auth_guard("user")
    def get(self) -> str:
        return "in"


def add_method_views(app: Flask) -> None:
    app.add_url_rule("/own/methods", view_func=Methods.as_view("methods"))
    app.add_url_rule("/own/decorated", view_func=Decorated.as_view("decorated"))


def add_restx_resource(app: Flask) -> None:
    flask_restx.Api(app).add_resource(Resource, "/own/restx")


def add_restful_resource(app: Flask) -> None:
    flask_restful.Api(app).add_resource(RestfulResource, "/own/restful")


def add_blueprints(app: Flask) -> None:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    guard_blueprint(outer, "user")
    guard_blueprint(inner, "admin")
    for blueprint, path in ((outer, "/own/outer"), (inner, "/own/inner")):
        blueprint.add_url_rule(path, "view", view)
        blueprint.add_url_rule(f"{path}/open", "open", public(view_of_its_own()))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


def view_of_its_own() -> Callable[[], str]:
    return lambda: "in"


def add_guarded_application(app: Flask) -> None:
    app.add_url_rule("/own/any", "any", view)
    app.add_url_rule("/own/admin", "admin", auth_guard("admin")(view))
    app.before_request(check_jwt)


@pytest.mark.parametrize(
    "add", [add_method_views, add_restx_resource, add_restful_resource, add_blueprints, add_guarded_application]
)
def test_map_allows_what_the_application_allows(app: Flask, issuer: TokenIssuer, add: Callable[[Flask], None]) -> None:
    add(app)
    client = app.test_client()
    own = [route for route in route_map(app) if route.path.startswith("/own")]
    assert own
    for route in own:
        for method in route.methods:
            anonymous = client.open(route.path, method=method).status_code
            assert anonymous == (401 if route.requirements else 200), (route, method)
            for roles in ROLE_SETS:
                status = client.open(route.path, method=method, headers=bearer(issuer, *roles)).status_code
                assert status == (200 if route.allows(roles) else 403), (route, method, roles)


def test_methods_with_different_guards_are_different_routes(app: Flask) -> None:
    add_method_views(app)
    own = {str(route): route.needs for route in route_map(app) if route.path.startswith("/own")}
    assert own == {
        "GET /own/decorated": "user",
        "GET /own/methods": "unmarked",
        "POST /own/decorated": "user; and admin",
        "POST /own/methods": "admin",
        "PUT /own/methods": "public",
    }
    assert [str(route) for route in unmarked_routes(app)] == ["GET /own/methods"]


def test_unmarked_route_names_its_view(app: Flask) -> None:
    add_method_views(app)
    assert [route.view for route in unmarked_routes(app)] == [f"{__name__}.Methods"]


def test_other_checks_before_the_view_are_named(app: Flask) -> None:
    def deny() -> None:
        abort(403)

    blueprint = Blueprint("shop", __name__)
    blueprint.add_url_rule("/own", "view", auth_guard()(view))
    blueprint.before_request(deny)
    blueprint.before_request(public(lambda: None))
    app.register_blueprint(blueprint)
    (route,) = (route for route in route_map(app) if route.path == "/own")
    assert route.other_checks == (f"{__name__}.deny",)
    assert {route.other_checks for route in route_map(app) if route.path != "/own"} == {()}


@pytest.mark.parametrize(
    "guard", [lambda app: app.before_request(check_jwt), guard_blueprint], ids=["check_jwt", "guard_blueprint"]
)
class TestGuardedApplication:
    """All views of an application are guarded before they are called."""

    @pytest.fixture
    def guarded(self, app: Flask, guard: Callable[[Flask], Any]) -> Flask:
        guard(app)
        app.add_url_rule("/own", "own", lambda: g.claims["sub"])
        app.add_url_rule("/options", "options", view, methods=["OPTIONS"])
        return app

    def test_view_gets_the_claims_and_its_own_response_is_sent(self, guarded: Flask, issuer: TokenIssuer) -> None:
        assert guarded.test_client().get("/own", headers=bearer(issuer)).text == "zoé"

    def test_missing_token_is_401(self, guarded: Flask) -> None:
        response = guarded.test_client().get("/own")
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="latchkey"')

    def test_public_endpoints_stay_public(self, guarded: Flask) -> None:
        client = guarded.test_client()
        assert client.get("/health/live").status_code == 200
        assert client.get("/.well-known/jwks.json").status_code == 200
        assert client.post("/api/auth", json={}).status_code == 400

    def test_preflight_needs_no_token_and_a_view_for_options_does(self, guarded: Flask) -> None:
        client = guarded.test_client()
        assert client.options("/own").status_code == 200
        assert client.options("/options").status_code == 401

    def test_unknown_path_is_404(self, guarded: Flask) -> None:
        client = guarded.test_client()
        assert client.get("/nowhere").status_code == 404
        assert client.delete("/own").status_code == 405


def test_claims_are_returned_to_a_hook_of_the_application(app: Flask, issuer: TokenIssuer) -> None:
    def load_user() -> None:
        g.name = check_jwt()["sub"]

    app.before_request(load_user)
    app.add_url_rule("/own", "own", lambda: g.name)
    assert app.test_client().get("/own", headers=bearer(issuer)).text == "zoé"


def test_static_files_are_public_unless_the_application_is_guarded(app: Flask) -> None:
    blueprint = Blueprint("pages", __name__, static_folder="static", static_url_path="/files")
    app.register_blueprint(blueprint)
    assert unmarked_routes(app) == []
    guard_blueprint(app, "admin")
    (route,) = (route for route in route_map(app) if route.path.startswith("/files"))
    assert route.needs == "admin"
    assert app.test_client().get("/files/x").status_code == 401


def test_class_cannot_be_decorated() -> None:
    with pytest.raises(TypeError, match="decorators = "):
        auth_guard("admin")(Methods)
