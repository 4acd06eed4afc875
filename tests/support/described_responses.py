"""A client that requires each response of an endpoint to be in the OpenAPI description of the application."""

from http import HTTPStatus
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from api.installation import BLUEPRINT
from api.openapi import openapi_document, template_of
from tests.support.log_scan import RememberingClient

_ELSEWHERE = {"not_found", "bad_request", "method_not_allowed"}
"""The codes of requests that do not reach an endpoint, such as another spelling of its path."""
_paths: dict[str, Any] = {}
"""The paths in the description of the first application that a test has used. The endpoints of all are the same."""


class DescribedClient(RememberingClient):
    """Raises AssertionError for a status, a code or a header that the description does not have."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        _require_described(self.application, response)
        return response


def _require_described(app: Flask, response: TestResponse) -> None:
    try:
        rule, _ = app.url_map.bind_to_environ(response.request.environ).match(return_rule=True)
    except HTTPException:
        return
    if not rule.endpoint.startswith(f"{BLUEPRINT}.") or response.request.method in {"OPTIONS", "HEAD"}:
        return
    if not _paths:
        _paths.update(openapi_document(app, "")["paths"])
    operation = _paths.get(template_of(rule), {}).get(response.request.method.lower())
    # The body of a response with tokens is not read: a test may leave it unread, as a client that has lost it.
    body = (response.get_json(silent=True) or {}) if response.status_code >= HTTPStatus.BAD_REQUEST else {}
    code = body.get("code") or body.get("error")
    if operation is None or code in _ELSEWHERE or response.status_code == HTTPStatus.NOT_MODIFIED:
        return
    described = operation["responses"].get(str(response.status_code))
    assert described, f"{response.request.method} {rule.rule} does not describe {response.status}"
    if code:
        assert code in described["content"]["application/json"]["examples"], f"{rule.rule} does not describe {code}"
    for name in ("WWW-Authenticate", "Retry-After"):
        assert name not in response.headers or name in described["headers"], f"{rule.rule} does not describe {name}"
