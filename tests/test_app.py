"""The application as a whole: the guards of its routes, and its logging."""

import logging
import time

import pytest
from flask import Flask

from app import create_app
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


def test_clock_of_other_log_formatters_is_unchanged(app: Flask) -> None:
    assert app
    assert logging.Formatter.converter is time.localtime
