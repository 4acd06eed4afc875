"""The application as a whole: what its start says, and what its log looks like."""

import logging
import time
from importlib import import_module

import click
import pytest
from flask import Flask

from app import create_app
from services.auth_guard import auth_guard, public, undecided_routes
from tests.support.stores import SECRET_KEY


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    """Return an application of its own, to add routes to."""
    return create_app({"SECRET_KEY": SECRET_KEY, **static_environ})


def test_our_own_routes_are_all_guarded_or_public(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list(app.url_map.iter_rules())) >= 5
    assert undecided_routes(app) == []
    assert "open to everybody" not in caplog.text


def test_a_forgotten_or_misplaced_guard_shows(app: Flask) -> None:
    @auth_guard()
    @app.route("/above")
    def above() -> str:
        return ""

    app.route("/forgotten")(lambda: "")
    app.route("/guarded", endpoint="guarded")(auth_guard()(lambda: ""))
    app.route("/open", endpoint="open")(public(lambda: ""))
    assert undecided_routes(app) == ["/above", "/forgotten"]


def test_the_start_warns_of_an_open_route(
    static_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("api.routes.init", lambda app: app.route("/careless")(lambda: ""))
    with caplog.at_level(logging.WARNING):
        create_app({"SECRET_KEY": SECRET_KEY, **static_environ})
    assert "/careless is open to everybody" in caplog.text


@pytest.mark.parametrize("name", ["users", "keys", "tokens", "db"])
def test_the_commands_are_there_whatever_was_imported_before(static_environ: dict[str, str], name: str) -> None:
    import_module(f"cli.{name}")
    group = create_app({"SECRET_KEY": SECRET_KEY, **static_environ}).cli.commands[name]
    assert isinstance(group, click.Group)
    assert group.list_commands(click.Context(group))


@pytest.mark.parametrize("name", ["doctor", "explain"])
def test_so_are_those_that_stand_alone(static_environ: dict[str, str], name: str) -> None:
    import_module(f"cli.{name}")
    command = create_app({"SECRET_KEY": SECRET_KEY, **static_environ}).cli.commands[name]
    assert [
        parameter.name for parameter in command.make_context(name, []).command.params if parameter.name == "as_json"
    ]


def test_the_clock_of_other_logs_is_left_alone(app: Flask) -> None:
    assert app
    assert logging.Formatter.converter is time.localtime
