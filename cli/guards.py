"""The command `flask guards`."""

import sys
from functools import partial

import click

from cli.app_loader import load_application, services_of_application
from cli.terminal import JSON_OPTION, as_paragraph, as_table, print_json, printable
from services.diagnosis.checks.routes import UNMARKED_REMEDY, check_roles
from services.requirements import Route
from services.roles import possible_roles
from services.route_map import route_map


@click.command()
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning.")
@JSON_OPTION
def guards(strict: bool, as_json: bool) -> None:
    """List the routes of the application, and the roles that they require.

    There is a warning for each route that is neither guarded nor public, and for each role that neither a provider can
    give nor an OAuth client or a service token has.
    """
    app = load_application()
    services = services_of_application(app)
    routes = route_map(app)
    warnings = [
        f"{route} is unmarked ({route.source}). {UNMARKED_REMEDY}." for route in routes if route.requirements is None
    ]
    roles = check_roles(routes, partial(possible_roles, services))
    warnings += [f"{check.found}. {check.remedy}." for check in roles if check.outcome == "warning"]
    if as_json:
        print_json({"routes": [_to_json(route) for route in routes], "warnings": warnings})
    else:
        _print(routes, warnings)
    sys.exit(strict and bool(warnings))


def _print(routes: list[Route], warnings: list[str]) -> None:
    rows = [(",".join(route.methods), route.path, _needs(route), route.view) for route in routes]
    click.echo(as_table(("METHOD", "ROUTE", "NEEDS", "VIEW"), rows, {"unmarked": "red", "public": "yellow"}))
    for name in dict.fromkeys(name for route in routes for name in route.other_checks):
        note = f"* {printable(name)} runs before these views, and may refuse requests for reasons of its own."
        click.echo(f"\n{as_paragraph(note, '  ')}")
    for warning in warnings:
        click.echo(as_paragraph(f"\n{click.style('warning', 'yellow')}  {printable(warning)}", " " * 9))


def _needs(route: Route) -> str:
    return f"{route.needs} *" if route.other_checks else route.needs


def _to_json(route: Route) -> dict[str, object]:
    return {
        "methods": route.methods,
        "path": route.path,
        "needs": route.needs,
        "view": route.view,
        "other_checks": route.other_checks,
    }
