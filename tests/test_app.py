"""The application as a whole: the guards of its routes, and its logging."""

import logging
import time
from pathlib import Path

import pytest
from flask import Flask, render_template, session, url_for

from api.installation import install, open_services
from app import create_app
from config.settings import Settings
from services.auth_guard import auth_guard, public
from services.route_map import unmarked_routes
from tests.support.stores import SECRET_KEY


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    """An application to which a test can add routes."""
    return create_app({"SECRET_KEY": SECRET_KEY, **static_environ})


def test_every_route_of_latchkey_is_guarded_or_public(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list(app.url_map.iter_rules())) >= 5
    assert unmarked_routes(app) == []
    assert "not guarded" not in caplog.text


def test_missing_or_misplaced_guard_is_reported(app: Flask) -> None:
    @auth_guard()
    @app.route("/above")
    def above() -> str:
        return ""

    app.route("/forgotten")(lambda: "")
    app.route("/guarded", endpoint="guarded")(auth_guard()(lambda: ""))
    app.route("/open", endpoint="open")(public(lambda: ""))
    assert [str(route) for route in unmarked_routes(app)] == ["GET /above", "GET /forgotten"]


def test_start_warns_about_a_route_without_a_guard(
    static_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("api.routes.init", lambda app: app.route("/careless")(lambda: ""))
    with caplog.at_level(logging.WARNING):
        create_app({"SECRET_KEY": SECRET_KEY, **static_environ})
    assert "/careless is not guarded" in caplog.text


@pytest.mark.parametrize("builder", ["create_app", "install"])
def test_sessions_templates_and_static_files_work_as_in_flask(
    static_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: str
) -> None:
    for name, content in {
        "templates/cart.html": "{{ session.count }} <link href={{ url }}>",
        "static/a b.css": "a",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    monkeypatch.setattr("app.ROOT", tmp_path)
    environ = {"SECRET_KEY": SECRET_KEY, **static_environ}
    app = create_app(environ) if builder == "create_app" else own_app(tmp_path, environ)
    app.config["SECRET_KEY"] = "a key of Flask"

    @app.route("/cart")
    @public
    def cart() -> str:
        session["count"] = session.get("count", 0) + 1
        return render_template("cart.html", url=url_for("static", filename="a b.css"))

    client = app.test_client()
    pages = [client.get("/cart").text for _ in range(2)]
    assert pages == [f"{count} <link href=/static/a%20b.css>" for count in (1, 2)]
    with client.get("/static/a%20b.css") as style:
        assert (style.get_data(), style.mimetype) == (b"a", "text/css")
    assert client.get("/static/../templates/cart.html").status_code == 404
    assert unmarked_routes(app) == []


def own_app(folder: Path, environ: dict[str, str]) -> Flask:
    app = Flask("shop", root_path=str(folder))
    install(app, open_services(Settings(environ)))
    return app


def test_session_without_a_key_of_flask_is_an_error_as_in_flask(app: Flask) -> None:
    app.testing = True
    app.route("/visit")(public(lambda: session.setdefault("count", "1")))
    with pytest.raises(RuntimeError, match="no secret key was set"):
        app.test_client().get("/visit")


def test_clock_of_other_log_formatters_is_unchanged(app: Flask) -> None:
    assert app
    assert logging.Formatter.converter is time.localtime
