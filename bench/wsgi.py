"""Requests to an application in this process, without the cost of a test client."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

METRICS = {"METRICS_TOKEN": "a token for the metrics of the bench"}
"""The setting with which a service counts its requests."""


def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the WSGI environment of a POST request with a JSON body. It is for one request."""
    return EnvironBuilder(path, method="POST", json=body).get_environ()


def repeated_post(path: str, body: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Return a function that returns the environment of such a request from this host, each time a new one."""
    environ = {**post(path, body), "REMOTE_ADDR": "127.0.0.1"}
    content = environ["wsgi.input"].read()
    return lambda: {**environ, "wsgi.input": BytesIO(content)}


def call(app: Flask, environ: dict[str, Any]) -> tuple[str, bytes]:
    """Return the status line and the body of the response."""
    statuses: list[str] = []

    def start_response(line: str, _headers: object, _error: object = None) -> None:
        statuses.append(line)

    response: Any = app.wsgi_app(environ, start_response)  # type: ignore[arg-type]
    body = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    return statuses[-1], body


def call_json(app: Flask, environ: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a response whose status is 200."""
    status, body = call(app, environ)
    assert status.startswith("200"), body
    parsed: dict[str, Any] = json.loads(body)
    return parsed
