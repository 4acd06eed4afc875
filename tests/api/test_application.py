"""The Flask application: what it does in less time than Flask works as in Flask."""

import gc
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask, Request, jsonify, session
from werkzeug.exceptions import BadHost, SecurityError
from werkzeug.routing import MapAdapter
from werkzeug.test import create_environ

from api import response_headers
from app import create_app
from services.auth_guard import MissingToken, auth_guard
from tests.support.stores import SECRET_KEY


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    return create_app({**static_environ, "SECRET_KEY": SECRET_KEY})


def count_visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


def test_application_with_a_secret_key_has_sessions(app: Flask) -> None:
    app.secret_key = SECRET_KEY
    app.add_url_rule("/visits", view_func=count_visits)
    client, other = app.test_client(), app.test_client()
    assert [client.get("/visits").text for _ in range(2)] == ["1", "2"]
    assert other.get("/visits").text == "1"


def test_application_without_a_secret_key_cannot_write_a_session(app: Flask) -> None:
    app.add_url_rule("/visits", view_func=count_visits)
    app.testing = True
    with pytest.raises(RuntimeError, match="no secret key was set"):
        app.test_client().get("/visits")


@pytest.mark.parametrize("options", [{}, {"sort_keys": False}, {"ensure_ascii": False}, {"compact": False}])
def test_json_is_that_of_flask(app: Flask, options: dict[str, Any]) -> None:
    plain = Flask(__name__)
    texts = []
    for one in (app, plain):
        for name, value in options.items():
            setattr(one.json, name, value)
        one.add_url_rule("/", view_func=lambda: jsonify(b="é", a=[1, {"z": None, "c": 1.5}]), endpoint="json")
        texts.append(one.test_client().get("/").text)
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"REQUEST_METHOD": "POST", "QUERY_STRING": "a=b&c=%C3%A9"},
        {"QUERY_STRING": "é".encode().decode("latin-1")},
        {"HTTP_HOST": "API.example.org:8080", "wsgi.url_scheme": "https"},
        {"HTTP_HOST": "[::1]:443", "wsgi.url_scheme": "https"},
        {"HTTP_HOST": "[::1]:443"},
        {"HTTP_HOST": "not a host/"},
        {"HTTP_HOST": "two..dots.example.org"},
        {"HTTP_HOST": None},
        {"HTTP_HOST": None, "SERVER_NAME": "/run/socket", "SERVER_PORT": None},
        {"SCRIPT_NAME": "/below", "RAW_URI": "/below/api/auth"},
        {"SCRIPT_NAME": "/below/", "PATH_INFO": "/é".encode().decode("latin-1"), "RAW_URI": "/%C3%A9"},
        {"PATH_INFO": "", "RAW_URI": ""},
        {"PATH_INFO": None, "RAW_URI": ""},
        {"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"},
    ],
)
@pytest.mark.parametrize(
    "config",
    [{}, {"SERVER_NAME": "example.org"}, {"TRUSTED_HOSTS": ["example.org"]}],
    ids=lambda config: str([*config]),
)
def test_routes_are_bound_as_in_flask(app: Flask, changes: dict[str, str | None], config: dict[str, Any]) -> None:
    app.config.update(config)
    environ = create_environ("/api/auth") | {"RAW_URI": "/api/auth"} | changes
    environ = {name: value for name, value in environ.items() if value is not None}
    assert bound(app.create_url_adapter, app, environ) == bound(partial(Flask.create_url_adapter, app), app, environ)


def bound(bind: Callable[[Request], MapAdapter | None], app: Flask, environ: dict[str, Any]) -> dict[str, Any]:
    """Return the members of the adapter for the routes; the exception if the host is invalid or not trusted."""
    try:
        return vars(bind(app.request_class(environ)))
    except (BadHost, SecurityError) as error:
        return {"error": type(error)}


def test_view_cannot_send_another_request_id(app: Flask) -> None:
    app.add_url_rule("/own", view_func=lambda: ("", {"x-request-id": "mine"}), endpoint="own")
    (sent,) = app.test_client().get("/own").headers.getlist("X-Request-ID")
    assert sent != "mine"


def test_headers_of_an_application_below_are_not_changed() -> None:
    headers, sent = [("Content-Type", "text/plain")], []
    below = Flask("below")
    below.wsgi_app = lambda _environ, start: [start("200 OK", headers)] and [b""]  # type: ignore[method-assign, assignment, list-item]
    response_headers.init(below)
    list(below(create_environ("/"), lambda _status, complete: sent.append(complete)))  # type: ignore[arg-type]
    assert headers == [("Content-Type", "text/plain")]
    assert {name for name, _ in sent[0]} == {"Content-Type", "X-Request-ID", "X-Content-Type-Options"}


def test_application_that_seeds_random_numbers_does_not_repeat_request_ids(app: Flask) -> None:
    ids = []
    for _ in range(2):
        random.seed(1)
        ids.append(app.test_client().get("/").headers["X-Request-ID"])
    assert ids[0] != ids[1]


def test_refused_request_is_freed_without_the_garbage_collector(app: Flask) -> None:
    app.add_url_rule("/guarded", view_func=auth_guard()(count_visits), endpoint="guarded")
    environ = create_environ("/guarded")
    gc.collect()
    gc.disable()
    try:
        list(app(environ, lambda _status, _headers: lambda _: None))  # type: ignore[arg-type]  # it takes two arguments
        del environ
        assert [one for one in gc.get_objects() if isinstance(one, MissingToken)] == []
    finally:
        gc.enable()
