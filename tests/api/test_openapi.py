"""`/openapi.json` and `/docs`: a valid description of every endpoint and guarded route, which can be switched off."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from api.installation import BLUEPRINT
from api.openapi import openapi_document, template_of
from app import create_app
from services.auth_guard import auth_guard
from tests.support.stores import SECRET_KEY

HIDDEN = {"/api/auth/verify{_path}"}
"""The paths for reverse proxies, with the path of another request in them."""


def test_description_is_valid(client: FlaskClient) -> None:
    validate(client.get("/openapi.json").get_json())


def test_every_endpoint_is_described(app: Flask) -> None:
    described = openapi_document(app, "")["paths"]
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(f"{BLUEPRINT}.")]
    for rule in rules:
        if template_of(rule) not in HIDDEN and not rule.websocket:
            methods = {method.lower() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
            assert methods <= described[template_of(rule)].keys()


def test_every_error_of_a_guard_has_an_example(app: Flask) -> None:
    responses = openapi_document(app, "")["paths"]["/api/users"]["get"]["responses"]
    codes = {status: responses[status]["content"]["application/json"]["examples"].keys() for status in ("401", "403")}
    assert codes["401"] >= {"missing_token", "invalid_token", "expired_token", "revoked_token"}
    assert codes["403"] >= {"role_required", "caller_unverifiable"}
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert "Retry-After" in responses["503"]["headers"]


def test_every_member_of_requests_and_responses_has_an_example(app: Flask) -> None:
    schemas = openapi_document(app, "")["components"]["schemas"]
    members = {(name, member): schema for name, one in schemas.items() for member, schema in one["properties"].items()}
    assert len(members) > 80
    own = {"examples", "const", "enum"}
    assert [
        place for place, schema in members.items()
        if not own & schema.keys() and schema.get("type") != "boolean" and "$ref" not in str(schema)
    ] == []  # fmt: skip


def test_guarded_route_of_the_application_is_described_with_its_roles(app: Flask) -> None:
    @app.route("/reports/<int:year>", methods=["GET", "POST"])
    @auth_guard("editor", "admin")
    def reports(year: int) -> str:
        """Show the reports of a year."""
        return str(year)

    document = app.test_client().get("/openapi.json").get_json()
    validate(document)
    operation = document["paths"]["/reports/{year}"]["post"]
    assert operation["summary"] == "Show the reports of a year."
    assert operation["x-required-roles"] == ["admin", "editor"]
    assert operation["security"] == [{"bearer": []}]
    assert operation["parameters"] == [{"name": "year", "in": "path", "required": True, "schema": {"type": "integer"}}]
    assert {"401", "403"} <= operation["responses"].keys()


def test_operation_ids_are_unique(app: Flask) -> None:
    paths = openapi_document(app, "")["paths"].values()
    ids = [operation["operationId"] for operations in paths for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_description_has_the_path_of_a_mounted_application(client: FlaskClient) -> None:
    document = client.get("/openapi.json", environ_overrides={"SCRIPT_NAME": "/auth"}).get_json()
    assert document["servers"] == [{"url": "/auth"}]


@pytest.mark.parametrize("path", ["/docs", "/docs/page.js", "/docs/page.css", "/docs/swagger-ui-bundle.js"])
def test_page_runs_no_script_of_another_origin(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        assert response.status_code == 200
        assert "script-src 'self';" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["swagger-ui.js", "page.html", "..", "../app.py", "%2e%2e%2fapp.py"])
def test_other_files_are_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/docs/page.js", "/openapi.json"])
def test_description_can_be_switched_off(static_environ: dict[str, str], path: str) -> None:
    app = create_app({**static_environ, "SECRET_KEY": SECRET_KEY, "API_DOCUMENTATION": "false"})
    assert app.test_client().get(path).status_code == 404
