"""CORS_ORIGINS: pages of these origins may call every route from a browser, and no others."""

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from app import create_app
from config.errors import ConfigurationError
from config.service_settings import CorsSettings
from services.auth_guard import guard_blueprint
from tests.support.stores import SECRET_KEY

APP = "https://app.example.org"
ORIGINS = [APP, "http://localhost:5173", "http://[::1]:3000"]
STRANGERS = ["https://evil.example", "https://app.example.org.evil.example", "https://evilapp.example.org", "null"]
STRANGERS += ["http://app.example.org", "https://app.example.org:8443", "https://appxexample.org", "http://:3000", "*"]


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    app = create_app({"SECRET_KEY": SECRET_KEY, "CORS_ORIGINS": ", ".join(ORIGINS), **static_environ})
    shop = Blueprint("shop", __name__)
    guard_blueprint(shop, "staff")
    shop.add_url_rule("/shop", "shop", lambda: "", methods=["GET", "DELETE"])
    app.register_blueprint(shop)
    return app


def preflight(client: FlaskClient, path: str, method: str, origin: str = APP) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    headers["Access-Control-Request-Headers"] = "authorization, content-type, if-match"
    response = client.options(path, headers=headers)
    assert response.status_code == 200
    return {name: text for name, text in response.headers if name.startswith("Access-Control-") or name == "Vary"}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/auth", "POST"),
        ("/api/auth", "DELETE"),
        ("/api/auth/refresh", "POST"),
        ("/api/auth/password", "POST"),
        ("/api/users/7", "PATCH"),
        ("/api/protected_route", "GET"),
        ("/shop", "DELETE"),
    ],
)
def test_preflight_of_an_origin_succeeds_without_a_token(app: Flask, path: str, method: str, origin: str) -> None:
    headers = preflight(app.test_client(), path, method, origin)
    assert headers["Access-Control-Allow-Origin"] == origin
    assert method in headers["Access-Control-Allow-Methods"]
    assert headers["Access-Control-Allow-Headers"] == "authorization, content-type, if-match"
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("origin", STRANGERS)
def test_other_origins_are_not_allowed(app: Flask, origin: str) -> None:
    client = app.test_client()
    assert "Access-Control-Allow-Origin" not in preflight(client, "/api/auth", "POST", origin)
    response = client.get("/api/protected_route", headers={"Origin": origin})
    assert (response.status_code, response.headers.get("Access-Control-Allow-Origin")) == (401, None)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health/live", 200), ("/api/protected_route", 401), ("/shop", 401), ("/nowhere", 404), ("/api/auth", 405)],
)
def test_page_can_read_every_response_and_the_headers_that_it_needs(app: Flask, path: str, status: int) -> None:
    response = app.test_client().get(path, headers={"Origin": APP})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (status, APP)
    exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"WWW-Authenticate", "Retry-After", "ETag", "X-Request-ID"} <= exposed


def test_page_can_read_a_500(app: Flask) -> None:
    app.add_url_rule("/bug", "bug", lambda: str(1 / 0))
    response = app.test_client().get("/bug", headers={"Origin": APP})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (500, APP)


def test_requests_of_other_clients_have_no_cors_headers(app: Flask) -> None:
    headers = app.test_client().get("/health/live").headers
    assert not [name for name in headers.keys() if name.startswith("Access-Control-")]  # noqa: SIM118 - not a dict


@pytest.mark.parametrize("headers", [{}, {"Origin": APP}, {"Origin": STRANGERS[0]}], ids=str)
@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/nowhere"])
def test_cache_stores_a_response_by_the_origin(app: Flask, path: str, headers: dict[str, str]) -> None:
    assert app.test_client().get(path, headers=headers).headers.getlist("Vary") == ["Origin"]


def test_no_origin_is_allowed_by_default(static_environ: dict[str, str]) -> None:
    client = create_app({"SECRET_KEY": SECRET_KEY, **static_environ}).test_client()
    assert preflight(client, "/api/auth", "POST") == {}


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("HTTPS://App.Example.org", APP),
        ("https://app.example.org:443", APP),
        ("http://localhost:80", "http://localhost"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_origin_has_the_form_that_browsers_send(text: str, origin: str) -> None:
    assert CorsSettings.read({"CORS_ORIGINS": text}).origins == (origin,)


@pytest.mark.parametrize(
    "text",
    [
        "*", "https://*.example.org", "null", "app.example.org", "localhost:5173", "https://", f"{APP}/",
        f"{APP}/login", f"{APP}?x", "https://user@app.example.org", "https://app.example.org:x",
        "https://täst.example", "https://[::1",
    ],
)  # fmt: skip
def test_text_that_is_not_an_exact_origin_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        CorsSettings.read({"CORS_ORIGINS": f"{APP}, {text}"})
    (problem,) = refused.value.problems
    assert problem.subject == "CORS_ORIGINS, value 2"
    assert "such as https://app.example.org" in str(problem)
