"""A WSGI application that responds with the environment of the request."""

import json
import os
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def create_app() -> WSGIApplication:
    """Return the application. The response has the variables that are text, without those of the process."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        variables: dict[str, Any] = {name: value for name, value in environ.items() if isinstance(value, str)}
        body = json.dumps({name: variables[name] for name in variables.keys() - os.environ.keys()}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return application
