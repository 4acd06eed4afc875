"""The routes of an application, and who may call them: what `flask guards` lists."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import getsourcefile, getsourcelines, unwrap
from itertools import chain
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from services.requirements import Route, requirements_of


def route_map(app: Flask) -> list[Route]:
    """Return all routes, sorted by path. Methods of one path with different requirements are different routes."""
    methods: dict[Route, set[str]] = {}
    for rule in app.url_map.iter_rules():
        for route, method in routes_of_rule(app, rule):
            methods.setdefault(route, set()).add(method)
    routes = (replace(route, methods=tuple(sorted(found))) for route, found in methods.items())
    return sorted(routes, key=lambda route: (route.path, route.methods))


def guarded_routes(app: Flask) -> list[Route]:
    """Return the routes that require an access token, sorted by path."""
    return [route for route in route_map(app) if route.requirements]


def unmarked_routes(app: Flask) -> list[Route]:
    """Return the routes that are neither guarded nor public, sorted by path.

    The reason is a forgotten guard, or a guard above `@app.route`, where it has no effect.
    """
    return [route for route in route_map(app) if route.requirements is None]


def routes_of_rule(app: Flask, rule: Rule) -> Iterator[tuple[Route, str]]:
    """Yield the routes of a rule without their methods, and each method."""
    view = app.view_functions[rule.endpoint]
    hooks = list(_hooks(app, rule.endpoint))
    guards = [found for hook in hooks if (found := requirements_of(hook, ""))]
    unknown = tuple(_name(hook) for hook in hooks if requirements_of(hook, "") is None)
    methods = rule.methods or set()
    for method in methods - {"HEAD", "OPTIONS"} or methods:
        required = requirements_of(view, method)
        if required != () and guards:  # the guards of blueprints do not apply to public views
            required = (*(required or ()), *chain.from_iterable(guards))
        elif required is None and _is_static(rule):
            required = ()
        yield Route(rule.rule, (), _name(view), required, unknown, _source(view)), method


def _is_static(rule: Rule) -> bool:
    """Return whether the route is one of those that Flask adds for the static files of an application or blueprint."""
    return rule.endpoint.rpartition(".")[2] == "static" and rule.arguments == {"filename"}


def _hooks(app: Flask, endpoint: str) -> Iterator[Callable[..., Any]]:
    """Yield the functions of `before_request` of the application and of the blueprints that the endpoint is in."""
    yield from app.before_request_funcs.get(None, ())
    blueprint = endpoint.rpartition(".")[0]
    while blueprint:
        yield from app.before_request_funcs.get(blueprint, ())
        blueprint = blueprint.rpartition(".")[0]


def _name(function: Callable[..., Any]) -> str:
    function = getattr(function, "view_class", function)
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{function.__module__}.{name.rpartition('<locals>.')[2]}"


def _source(view: Callable[..., Any]) -> str:
    function = unwrap(getattr(view, "view_class", view))
    try:
        file = getsourcefile(function)
        line = function.__code__.co_firstlineno if hasattr(function, "__code__") else getsourcelines(function)[1]
    except (OSError, TypeError):  # it is not written in Python
        return ""
    return f"{file}, line {line}"
