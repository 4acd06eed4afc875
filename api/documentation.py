"""`/openapi.json`, the OpenAPI description of the application, and `/docs`, a page to read and try it."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Flask, Response, request, send_from_directory
from werkzeug.exceptions import NotFound

from api.error_responses import Json
from api.responses import raw_json_response
from services.auth_guard import public

_PAGE = Path(__file__).parent / "docs"
_PAGE_FILES = ("page.css", "page.js")
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
_MAX_AGE = 3600  # seconds
# Swagger UI has its icons in its style sheet, as URLs of data.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def init(app: Flask) -> None:
    """Add the description and the page to an application. Its guarded routes are in both, with the roles they need."""

    @cache  # no route is added after the first request
    def description(server: str) -> Json:
        # Imported when the description is read, so that the service starts fast.
        from api.openapi import openapi_document

        return openapi_document(app, server)

    @app.route("/openapi.json")
    @public
    def openapi() -> Response:
        response = raw_json_response(description(request.script_root))
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # annotated as werkzeug's base class

    @app.route("/docs")
    @public
    def docs() -> Response:
        return _with_policy(send_from_directory(_PAGE, "page.html", max_age=0))

    @app.route("/docs/<path:path>")
    @public
    def docs_file(path: str) -> Response:
        if path in _PAGE_FILES:
            return _with_policy(send_from_directory(_PAGE, path, max_age=_MAX_AGE))
        if path in _SWAGGER_FILES:
            return _with_policy(send_from_directory(_swagger_folder(), path, max_age=_MAX_AGE))
        raise NotFound


def _with_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    return response


@cache
def _swagger_folder() -> Path:
    """Return the folder of Swagger UI, in the package flask-swagger-ui, which is not imported."""
    package = find_spec("flask_swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise NotFound("The package flask-swagger-ui is not installed")
    return Path(package.submodule_search_locations[0]) / "dist"
