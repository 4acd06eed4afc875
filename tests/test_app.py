"""The application as a whole: what its start says, and what its log looks like."""

import logging
import time

import pytest
from flask import Flask

from app import create_app
from services.auth_guard import auth_guard, public, unmarked_routes
from tests.support.stores import SECRET_KEY


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    """Return an application of its own, to add routes to."""
    return create_app({"SECRET_KEY": SECRET_KEY, **static_environ})


def test_our_own_routes_are_all_guarded_or_public(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list(app.url_map.iter_rules())) >= 5
    assert unmarked_routes(app) == []
    assert "not guarded" not in caplog.text


def test_a_forgotten_or_misplaced_guard_shows(app: Flask) -> None:
    @auth_guard()
    @app.route("/above")
    def above() -> str:
        return ""

    app.route("/forgotten")(lambda: "")
    app.route("/guarded", endpoint="guarded")(auth_guard()(lambda: ""))
    app.route("/open", endpoint="open")(public(lambda: ""))
    assert unmarked_routes(app) == ["/above", "/forgotten"]


def test_the_start_warns_of_an_open_route(
    static_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("api.routes.init", lambda app: app.route("/careless")(lambda: ""))
    with caplog.at_level(logging.WARNING):
        create_app({"SECRET_KEY": SECRET_KEY, **static_environ})
    assert "/careless is not guarded" in caplog.text


def test_the_clock_of_other_logs_is_left_alone(app: Flask) -> None:
    assert app
    assert logging.Formatter.converter is time.localtime
