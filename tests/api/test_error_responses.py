"""Every kind of error response has the same members."""

import io
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from flask import Flask, Response, abort, got_request_exception
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests
from werkzeug.test import TestResponse

from audit.formats import formatter
from providers.interface import ProviderUnavailable
from services.context import services_of
from tests.support.error_responses import error_message

SECRET = "a detail that no client may read"
INTERNAL_ERROR = "Internal server error"
SPELLINGS = ["/api//protected_route", "/api/protected_route/", "/api/protected_route//"]
SPELLINGS += ["//api/protected_route", "///api/protected_route", "api/protected_route"]
SPELLINGS += ["//evil.example/api/protected_route", "/./api/protected_route", "/api/x/../protected_route", "///", ""]
SPELLINGS += ["/api/PROTECTED_ROUTE", "/api/protected_route;x", "/api/protected_route ", "/api/protected_route\0"]
SPELLINGS += ["/api\\protected_route", "/api/protected_route.json", "/api/protected_route?x"]
ABORTS = [(400, "bad_request"), (401, "unauthorized"), (403, "forbidden"), (404, "not_found"), (409, "conflict")]
ABORTS += [(418, "i_m_a_teapot"), (422, "unprocessable_entity"), (503, "service_unavailable")]


class Unlisted(HTTPException):
    """An error with a non-standard status and without a description."""

    code = 499


def view_that_raises(error: Exception) -> Callable[[], str]:
    def view() -> str:
        raise error

    return view


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/api", "/api/auth/", "/%ff%fe", "/api/auth%00", "/static/x", "/..%2f"]
)
def test_unknown_path_is_404(client: FlaskClient, path: str) -> None:
    assert error_message(client.get(path), 404, "not_found")


@pytest.mark.parametrize("path", ["/api/auth", "/api/protected_route"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "BREW"])
def test_wrong_method_is_405_with_the_allowed_methods(client: FlaskClient, path: str, method: str) -> None:
    response = client.open(path, method=method)
    assert error_message(response, 405, "method_not_allowed")
    allowed = {"DELETE", "OPTIONS", "POST"} if path == "/api/auth" else {"GET", "HEAD", "OPTIONS"}
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_oversized_body_is_413(client: FlaskClient) -> None:
    response = client.post("/api/auth", data=b" " * 20_000, content_type="application/json")
    assert error_message(response, 413, "request_entity_too_large")


def test_other_media_type_is_415(client: FlaskClient) -> None:
    assert error_message(client.post("/api/auth", data=b"x", content_type="text/plain"), 415, "malformed_body")


@pytest.fixture(params=["json", "text"])
def log_lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """The lines that the service logs, in each format."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(request.param))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    "error", [KeyError(SECRET), OSError(SECRET), RecursionError(SECRET), ExceptionGroup("x", [OSError(SECRET)])]
)
def test_exception_in_a_view_is_500_and_its_text_is_only_logged(
    app: Flask, log_lines: io.StringIO, error: Exception
) -> None:
    app.add_url_rule("/bug", "bug", view_that_raises(error))
    response = app.test_client().get("/bug")
    assert error_message(response, 500, "internal_error") == INTERNAL_ERROR
    lines = log_lines.getvalue().splitlines()
    (line,) = [line for line in lines if " ERROR " in line or '"ERROR"' in line]
    assert response.headers["X-Request-ID"] in line
    assert SECRET in log_lines.getvalue()
    assert "test_error_responses.py" in log_lines.getvalue()


def test_view_without_a_response_is_500_with_the_same_message(app: Flask, log_lines: io.StringIO) -> None:
    app.add_url_rule("/nothing", "nothing", lambda: None)  # type: ignore[arg-type]  # a mistake in a view
    response = app.test_client().get("/nothing")
    assert error_message(response, 500, "internal_error") == INTERNAL_ERROR
    assert response.headers["X-Request-ID"] in log_lines.getvalue()


@pytest.mark.parametrize("mode", ["debug", "testing"])
def test_exception_in_a_view_reaches_the_debugger_and_the_test(app: Flask, mode: str) -> None:
    setattr(app, mode, True)
    app.add_url_rule("/bug", "bug", view_that_raises(KeyError("a mistake")))
    with pytest.raises(KeyError, match="a mistake"):
        app.test_client().get("/bug")


def test_application_learns_of_an_exception_in_its_view(app: Flask) -> None:
    error = KeyError("a mistake")
    ended: list[object] = []
    app.add_url_rule("/bug", "bug", view_that_raises(error))
    app.teardown_request(ended.append)
    with got_request_exception.connected_to(lambda _, exception: ended.append(exception), app):
        assert app.test_client().get("/bug").status_code == 500
    assert ended == [error, error]


@pytest.mark.parametrize(("status", "code"), ABORTS)
def test_abort_has_the_default_message_or_its_own(app: Flask, status: int, code: str) -> None:
    app.add_url_rule("/plain", "plain", lambda: abort(status))
    app.add_url_rule("/words", "words", lambda: abort(status, "No such luck."))
    client = app.test_client()
    assert error_message(client.get("/plain"), status, code)
    assert error_message(client.get("/words"), status, code) == "No such luck."


def test_abort_keeps_its_headers(app: Flask) -> None:
    app.add_url_rule("/slow", "slow", view_that_raises(TooManyRequests(retry_after=7)))
    response = app.test_client().get("/slow")
    assert error_message(response, 429, "too_many_requests")
    assert response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "abort_with", [abort, lambda response: view_that_raises(NotFound(response=response))()], ids=["abort", "raise"]
)
def test_abort_with_a_response_returns_it_unchanged(app: Flask, abort_with: Callable[[Response], str]) -> None:
    app.add_url_rule("/own", "own", lambda: abort_with(Response("short and stout", 418, {"X-Own": "1"})))
    response = app.test_client().get("/own")
    assert (response.status_code, response.text, response.headers["X-Own"]) == (418, "short and stout", "1")
    assert response.headers["X-Request-ID"]


def test_error_without_a_description_has_a_message(app: Flask) -> None:
    app.add_url_rule("/unlisted", "unlisted", view_that_raises(Unlisted()))
    assert error_message(app.test_client().get("/unlisted"), 499, "unknown_error")


def test_head_has_the_status_and_headers_of_get_and_no_body(client: FlaskClient) -> None:
    head, get = client.head("/api/protected_route"), client.get("/api/protected_route")
    assert (head.status_code, head.data) == (401, b"")
    assert head.headers["WWW-Authenticate"] == get.headers["WWW-Authenticate"]
    assert client.head("/nowhere").status_code == 404


def test_options_lists_the_methods_without_a_token(client: FlaskClient) -> None:
    response = client.options("/api/protected_route")
    assert (response.status_code, response.data) == (200, b"")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert error_message(client.options("/nowhere"), 404, "not_found")


def get(app: Flask, path: str, headers: dict[str, str] | None = None) -> TestResponse:
    """Request exactly this path. The test client would take `//api` for a host name."""
    environ = {"PATH_INFO": path, "RAW_URI": quote(path)}
    return app.test_client().get("/", headers=headers, environ_overrides=environ)


@pytest.mark.parametrize("path", SPELLINGS)
def test_other_spellings_of_a_path_are_404_and_never_redirect(app: Flask, path: str) -> None:
    token = services_of(app).issuer.generate({"username": "zoé"})
    bearer = {"Authorization": f"Bearer {token}"}
    assert get(app, "/api/protected_route", bearer).status_code == 200
    assert error_message(get(app, path, bearer), 404, "not_found")
    assert error_message(get(app, path), 404, "not_found")


def test_request_id_is_never_the_one_that_the_client_sent(client: FlaskClient) -> None:
    responses = [client.get("/nowhere", headers={"X-Request-ID": "theirs"}) for _ in range(2)]
    ids = {response.headers["X-Request-ID"] for response in responses}
    assert len(ids - {"theirs"}) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health/live", 200),
        ("HEAD", "/health/live", 200),
        ("OPTIONS", "/api/auth", 200),
        ("GET", "/.well-known/jwks.json", 200),
        ("GET", "/own", 200),
        ("POST", "/api/auth", 415),
        ("POST", "/oauth/token", 400),
        ("GET", "/api/protected_route", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/api/auth", 405),
        ("GET", "/bug", 500),
    ],
)
def test_browsers_guess_the_content_type_of_no_response(app: Flask, method: str, path: str, status: int) -> None:
    app.add_url_rule("/own", view_func=lambda: "<script>", endpoint="own")
    app.add_url_rule("/bug", view_func=view_that_raises(RuntimeError()), endpoint="bug")
    response = app.test_client().open(path, method=method)
    assert response.status_code == status
    assert response.headers.getlist("X-Content-Type-Options") == ["nosniff"]


def test_browsers_guess_the_content_type_of_no_unchanged_key_set(client: FlaskClient) -> None:
    etag = client.get("/.well-known/jwks.json").headers["ETag"]
    response = client.get("/.well-known/jwks.json", headers={"If-None-Match": etag})
    assert (response.status_code, response.headers["X-Content-Type-Options"]) == (304, "nosniff")


def test_error_shows_its_text_to_people_and_not_to_clients() -> None:
    error = ProviderUnavailable("the disk is full")
    assert (str(error), repr(error)) == ("the disk is full", "ProviderUnavailable('the disk is full')")
    assert "disk" not in error.get_body()
