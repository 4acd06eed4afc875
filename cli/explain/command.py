"""The command `flask explain`."""

import sys

import click

from cli.app_loader import load_application, services_of_application
from cli.explain.comparison import COMPARE_OPTION, change_tables, compare_all, comparison_json, open_other
from cli.explain.render import claims_table, login_tables, result_json, route_json, routes_table
from cli.terminal import JSON_OPTION, NAME, CommandError, as_paragraph, print_json
from providers.interface import UNKNOWN_USER, ProviderUnavailable
from services.context import Services
from services.diagnosis.comparison import Change, MissingCapability, compare, lookup_matcher
from services.diagnosis.denial_reasons import describe_denial
from services.diagnosis.explain import LoginExplanation, claims_of, explain_login
from services.requirements import Route
from services.route_map import guarded_routes


def _reject_old_option(_context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise CommandError(f"--against is now {COMPARE_OPTION}")


@click.command()
@click.argument("login", type=NAME, required=False)
@click.option(
    COMPARE_OPTION, "other", metavar="PROVIDER", type=NAME, help="Show what this provider would grant instead."
)
@click.option("--against", hidden=True, is_eager=True, expose_value=False, callback=_reject_old_option)
@click.option("--all", "all_users", is_flag=True, help=f"With {COMPARE_OPTION}: compare all users who can log in.")
@JSON_OPTION
def explain(login: str | None, other: str | None, all_users: bool, as_json: bool) -> None:
    """Explain which identity, roles and routes a login would get.

    The command shows why: the results of the providers, the groups of the user and the role rules. It needs no
    password and changes nothing. The exit code is 1 if no user has this login, or if no provider can explain it.
    """
    if (login is None) == (not all_users) or (all_users and not other):
        raise CommandError(f"expected a LOGIN, or --all with {COMPARE_OPTION} PROVIDER")
    app = load_application()
    services = services_of_application(app)
    try:
        if login is None:
            compare_all(services.chain, str(other), as_json)
        else:
            _explain_one(services, login, guarded_routes(app), other, as_json)
    except ProviderUnavailable as error:
        raise CommandError(f"{error.provider} {error.statement}") from None
    except MissingCapability as error:
        raise CommandError(str(error)) from None


def _explain_one(services: Services, login: str, routes: list[Route], other: str | None, as_json: bool) -> None:
    explanation = explain_login(services.chain, login)
    if explanation.unavailable:
        raise CommandError(f"{explanation.unavailable.provider} {explanation.unavailable}")
    change = _change(explanation, other) if other else None
    if as_json:
        print_json(_to_json(services, explanation, routes) | (comparison_json(str(other), change) if change else {}))
    else:
        texts = [*_texts(services, explanation, routes), *(change_tables(str(other), change) if change else [])]
        click.echo("\n\n".join(texts))
    if not explanation.identity and explanation.reason in {None, UNKNOWN_USER}:
        sys.exit(1)


def _change(explanation: LoginExplanation, other: str) -> Change | None:
    matcher = lookup_matcher(other, open_other(other))
    return next(compare([explanation.identity], matcher)) if explanation.identity else None


def _texts(services: Services, explanation: LoginExplanation, routes: list[Route]) -> list[str]:
    texts = [*login_tables(explanation)]
    if explanation.is_incomplete and not explanation.decision:
        note = "The login cannot be explained without the password. Run: flask doctor --user LOGIN --password"
        return [*texts, as_paragraph(note)]
    if not explanation.identity:
        return [*texts, as_paragraph(f"The login would be denied: {describe_denial(explanation.reason).text}.")]
    try:
        texts.append(claims_table(claims_of(services.issuer, explanation.identity)))
    except ValueError as error:
        texts.append(as_paragraph(f"The login would fail: {error}."))
    return [*texts, routes_table(routes, explanation.identity["roles"])]


def _to_json(services: Services, explanation: LoginExplanation, routes: list[Route]) -> dict[str, object]:
    identity = explanation.identity
    members: dict[str, object] = {
        "user": identity,
        "reason": explanation.reason,
        "providers": [result_json(result) for result in explanation.results],
        "claims": None,
        "routes": [route_json(route, identity["roles"]) for route in routes] if identity else [],
    }
    if identity:
        try:
            members["claims"] = claims_of(services.issuer, identity)
        except ValueError as error:
            members["reason"] = str(error)
    return members
