"""The OpenAPI description of the endpoints and guarded routes, from their models, guards and errors."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import Rule

from api.body import MalformedBody, UnsupportedBody
from api.description import Description, description_of
from api.error_responses import REQUEST_ID, Json, error_responses
from api.errors import InternalError
from api.models import Error
from api.oauth_models import OAuthError
from services.auth_guard import MissingToken, RoleRequired
from services.keys.ring import KeysUnavailable
from services.requirements import Route
from services.route_map import routes_of_rule
from services.sessions.errors import SessionsUnavailable
from services.tokens.issuer import ExpiredToken, InvalidToken, RevokedToken

_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"<(?:(?P<converter>\w+)(?:\(.*?\))?:)?(?P<name>\w+)>")
_TYPES = {"int": "integer", "row_id": "integer", "float": "number"}
"""The types of the parameters in a path, by their converters. All others are text."""
_TOKEN_ERRORS = (MissingToken, InvalidToken, ExpiredToken, RevokedToken, KeysUnavailable, SessionsUnavailable)
_BODY_ERRORS = (MalformedBody, UnsupportedBody, RequestEntityTooLarge)
_SHARED_MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Error, "serialization"), (OAuthError, "serialization")]
_TAGS = ("Sessions", "Application", "Users", "Service tokens", "OAuth", "Keys and metadata", "Health")
_DESCRIPTION = (
    "Log in at `POST /api/auth`, and send the access token as `Authorization: Bearer …`. A path has one spelling: "
    "with another one, such as a slash at its end, it is not found."
)
_COMPONENTS = {
    "headers": {"X-Request-ID": {"description": "The id of the request in the log.", "schema": {"type": "string"}}},
    "securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The access token."},
        "client": {"type": "http", "scheme": "basic", "description": "The id and the secret of an OAuth client."},
    },
}


def openapi_document(app: Flask, server: str) -> Json:
    """Return the OpenAPI 3.1 description of an application whose paths begin with `server`.

    It has the endpoints of Latchkey, and the guarded routes of the application.
    """
    paths: dict[str, Json] = {}
    names: set[str] = set()
    models = dict.fromkeys(_SHARED_MODELS)
    for rule, route, method in _described_routes(app):
        description = description_of(app.view_functions[rule.endpoint])
        operation = {"operationId": _operation_id(rule, method, names), **_operation(app, rule, route, description)}
        paths.setdefault(template_of(rule), {})[method.lower()] = operation
        models |= dict.fromkeys(_models(description))
    _, schemas = models_json_schema([*models], ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {"title": app.name, "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": server or "/"}],
        "tags": [{"name": name} for name in _TAGS],
        "paths": paths,
        "components": {**_COMPONENTS, "schemas": schemas["$defs"]},
    }


def template_of(rule: Rule) -> str:
    """Return the path of a rule as OpenAPI writes it, such as `/api/users/{user_id}`."""
    return _PARAMETER.sub(r"{\g<name>}", rule.rule)


def _described_routes(app: Flask) -> Iterator[tuple[Rule, Route, str]]:
    """Yield the rules with their routes and methods, apart from public routes without a description.

    The name of a parameter of a path begins with an underscore if the path is not for clients.
    """
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        is_described = description_of(app.view_functions[rule.endpoint]) is not None
        if rule.websocket or any(name.startswith("_") for name in rule.arguments):
            continue
        for route, method in routes_of_rule(app, rule):
            if is_described or route.requirements:
                yield rule, route, method


def _operation_id(rule: Rule, method: str, used: set[str]) -> str:
    """Return the name of the view, which is the name of a function of a generated client."""
    name: str = rule.endpoint.removeprefix("latchkey.").replace(".", "_")
    names = (name, f"{name}_{method.lower()}", *(f"{name}_{number}" for number in range(2, 1000)))
    found = next(candidate for candidate in names if candidate not in used)
    used.add(found)
    return found


def _models(description: Description | None) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    if description:
        yield description.answer, "serialization"
        if description.body:
            yield description.body, "validation"


def _operation(app: Flask, rule: Rule, route: Route, description: Description | None) -> Json:
    is_guarded = bool(route.requirements) or (description is not None and description.guarded)
    errors = [InternalError, *(_TOKEN_ERRORS if is_guarded else ()), *([RoleRequired] if route.roles else ())]
    own = _described(description, errors) if description else _undescribed(app, rule, errors)
    operation = {**own, "parameters": [*_path_parameters(rule), *own.get("parameters", ())]}
    if is_guarded:
        operation["security"] = [{"bearer": []}]
    if route.roles:
        operation["description"] = f"Requires the role: {route.needs}."
        operation["x-required-roles"] = sorted(route.roles)
    return operation


def _undescribed(app: Flask, rule: Rule, errors: list[type[HTTPException]]) -> Json:
    """Return the operation of a route of the application. Only its guard is known."""
    text = inspect.getdoc(app.view_functions[rule.endpoint]) or rule.endpoint
    success = {"description": "The response of the application.", "headers": REQUEST_ID}
    return {
        "tags": ["Application"],
        "summary": text.partition("\n")[0],
        "responses": {"default": success, **error_responses(errors, "latchkey")},
    }


def _described(description: Description, errors: list[type[HTTPException]]) -> Json:
    is_form = description.style == "oauth"
    operation: Json = {
        "tags": [description.tag],
        "summary": description.summary,
        "parameters": [*_query_parameters(description.query), *_headers(description.request_headers)],
    }
    if description.body:
        content_type = "application/x-www-form-urlencoded" if is_form else "application/json"
        operation["requestBody"] = {"required": True, "content": {content_type: _content(description.body)}}
        errors = [*errors, *((RequestEntityTooLarge,) if is_form else _BODY_ERRORS)]
    if is_form:
        operation["security"] = [{"client": []}, {}]
    headers = REQUEST_ID | {name: _header(text) for name, text in description.headers}
    answer = {
        "description": "Success",
        "headers": headers,
        "content": {"application/json": _content(description.answer)},
    }
    failures = error_responses([*errors, *description.errors], description.style)
    return {**operation, "responses": {str(description.status): answer, **failures}}


def _content(model: type[BaseModel]) -> Json:
    return {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}


def _header(text: str) -> Json:
    return {"description": text, "schema": {"type": "string"}}


def _headers(headers: Iterable[tuple[str, str]]) -> Iterator[Json]:
    for name, text in headers:
        yield {"name": name, "in": "header", **_header(text)}


def _path_parameters(rule: Rule) -> Iterator[Json]:
    for found in _PARAMETER.finditer(rule.rule):
        kind = _TYPES.get(found["converter"] or "", "string")
        yield {"name": found["name"], "in": "path", "required": True, "schema": {"type": kind}}


def _query_parameters(model: type[BaseModel] | None) -> Iterator[Json]:
    properties: dict[str, Any] = model.model_json_schema()["properties"] if model else {}
    for name, schema in properties.items():
        yield {"name": name, "in": "query", "description": schema.pop("description", ""), "schema": schema}
