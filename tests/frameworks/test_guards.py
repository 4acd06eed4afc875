"""A guarded view under each framework on top of Flask: the status, the headers, and the reason of a refusal."""

from collections.abc import Callable
from typing import Any

import flask_restful
import flask_restx
import flask_smorest
import pytest
from apiflask import APIFlask
from flask import Flask
from flask.testing import FlaskClient
from flask.views import MethodView

from api.installation import install, open_services
from app import create_app
from config.settings import Settings
from providers.interface import ProviderUnavailable
from services.auth_guard import auth_guard, check_jwt
from services.context import services_of
from tests.support.stores import SECRET_KEY

Add = Callable[[Flask, str, Any], None]
"""Adds a view function at a path, in the way of the framework."""


def prepare_nothing(_app: Flask) -> None:
    pass


def add_plain(app: Flask, path: str, view: Any) -> None:
    app.add_url_rule(path, path.strip("/"), view)


def add_resource(base: type[MethodView], add: Callable[[Flask, type[MethodView], str], None]) -> Add:
    def add_view(app: Flask, path: str, view: Any) -> None:
        add(app, type(path.strip("/"), (base,), {"get": staticmethod(view)}), path)

    return add_view


def add_smorest(app: Flask, resource: type[MethodView], path: str) -> None:
    blueprint = flask_smorest.Blueprint(path.strip("/"), __name__)
    blueprint.route(path)(resource)
    app.extensions["api"].register_blueprint(blueprint)


def prepare_smorest(app: Flask) -> None:
    app.config |= {"API_TITLE": "Shop", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
    app.extensions["api"] = flask_smorest.Api(app)


def prepare_api(module: Any) -> Callable[[Flask], None]:
    def prepare(app: Flask) -> None:
        app.extensions["api"] = module.Api(app)

    return prepare


def add_api_resource(app: Flask, resource: type[MethodView], path: str) -> None:
    app.extensions["api"].add_resource(resource, path)


FRAMEWORKS: dict[str, tuple[Callable[[Flask], None], Add]] = {
    "flask": (prepare_nothing, add_plain),
    "method view": (
        prepare_nothing,
        add_resource(MethodView, lambda app, view, path: app.add_url_rule(path, view_func=view.as_view(path[1:]))),
    ),
    "flask-restx": (prepare_api(flask_restx), add_resource(flask_restx.Resource, add_api_resource)),
    "flask-restful": (prepare_api(flask_restful), add_resource(flask_restful.Resource, add_api_resource)),
    "flask-smorest": (prepare_smorest, add_resource(MethodView, add_smorest)),
}


@auth_guard("editor")
def edit() -> dict[str, str]:
    return {"edited": "yes"}


@auth_guard()
def fail() -> None:
    raise ProviderUnavailable("a detail for the log")


def look() -> dict[str, Any]:
    return {"sub": check_jwt()["sub"]}


def add_views(app: Flask, add: Add) -> None:
    for path, view in {"/edit": edit, "/fail": fail, "/look": look}.items():
        add(app, path, view)


def create_own_app(environ: dict[str, str], app_type: type[Flask] = Flask) -> Flask:
    """Return an application that `create_app` did not build."""
    app = app_type(__name__)
    install(app, open_services(Settings(environ)))
    return app


@pytest.fixture(params=["create_app", "install"])
def empty_app(request: pytest.FixtureRequest, static_environ: dict[str, str]) -> Flask:
    environ = {"SECRET_KEY": SECRET_KEY, **static_environ}
    return create_app(environ) if request.param == "create_app" else create_own_app(environ)


@pytest.fixture(params=FRAMEWORKS)
def client(request: pytest.FixtureRequest, empty_app: Flask) -> FlaskClient:
    prepare, add = FRAMEWORKS[request.param]
    prepare(empty_app)
    add_views(empty_app, add)
    return empty_app.test_client()


@pytest.fixture
def api_flask(static_environ: dict[str, str]) -> FlaskClient:
    app = create_own_app({"SECRET_KEY": SECRET_KEY, **static_environ}, APIFlask)
    add_views(app, add_plain)
    return app.test_client()


def bearer(client: FlaskClient, *roles: str) -> dict[str, str]:
    token = services_of(client.application).issuer.generate({"username": "zoe", "roles": [*roles]})
    return {"Authorization": f"Bearer {token}"}


def assert_refusals(client: FlaskClient) -> None:
    """Each refusal has its status and the headers of the error; a valid token with the role passes."""
    assert client.get("/edit", headers=bearer(client, "editor")).json == {"edited": "yes"}
    assert client.get("/look", headers=bearer(client)).json == {"sub": "zoe"}
    missing, forbidden = client.get("/edit"), client.get("/edit", headers=bearer(client, "user"))
    invalid = client.get("/look", headers={"Authorization": "Bearer x.y.z"})
    outage = client.get("/fail", headers=bearer(client))
    assert [response.status_code for response in (missing, forbidden, invalid, outage)] == [401, 403, 401, 503]
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="latchkey"'
    assert forbidden.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", realm="latchkey"'
    assert invalid.headers["WWW-Authenticate"] == 'Bearer error="invalid_token", realm="latchkey"'
    assert (outage.headers["Retry-After"], outage.headers["Cache-Control"]) == ("5", "no-store")
    assert missing.is_json
    assert "a detail for the log" not in outage.text


def test_refusal_of_a_guard_has_its_status_and_headers(client: FlaskClient) -> None:
    assert_refusals(client)
    assert client.get("/edit").json["message"] == "Missing access token"  # type: ignore[index]


def test_refusal_of_a_guard_under_apiflask_has_its_status_and_headers(api_flask: FlaskClient) -> None:
    assert_refusals(api_flask)


def test_errors_of_an_applications_own_views_are_its_own(static_environ: dict[str, str]) -> None:
    app = create_own_app({"SECRET_KEY": SECRET_KEY, **static_environ})
    app.add_url_rule("/", view_func=lambda: str(1 / 0), endpoint="bug")
    client = app.test_client()
    assert "<h1>Not Found</h1>" in client.get("/nowhere").text
    assert "<h1>Internal Server Error</h1>" in client.get("/").text
    response = client.post("/api/auth", json={"email": "zoe", "password": "wrong"})
    assert response.json == {"status": 400, "message": "Invalid credentials", "code": "invalid_credentials"}


@pytest.mark.parametrize(("status", "roles"), [(401, None), (403, ())])
def test_application_handles_the_refusals_of_guards_and_not_those_of_latchkeys_endpoints(
    empty_app: Flask, status: int, roles: tuple[str, ...] | None
) -> None:
    add_plain(empty_app, "/edit", edit)
    empty_app.register_error_handler(status, lambda error: (f"my own page: {error}", status))
    client = empty_app.test_client()
    headers = {} if roles is None else bearer(client, *roles)
    assert client.get("/edit", headers=headers).text.startswith("my own page")
    path = "/api/auth/me" if roles is None else "/api/users"
    assert client.get(path, headers=headers).json["status"] == status  # type: ignore[index]
