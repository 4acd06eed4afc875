"""`flask explain`: what a login would give, and why."""

import sys

import click

from cli.app_loader import load_application
from cli.explain.comparison import against_everybody, members_of_switch, open_other, tables_of_switch
from cli.explain.render import (
    members_of_link,
    members_of_route,
    table_of_claims,
    table_of_routes,
    tables_of_answer,
)
from cli.terminal import JSON_OPTION, NAME, CommandError, print_json
from config.settings import Settings
from providers.interface import UNKNOWN_USER, ProviderUnavailable
from services.auth_guard import guarded_routes
from services.context import Services
from services.diagnosis.comparison import CannotTell, Change, asking, compare
from services.diagnosis.denial_reasons import refusal
from services.diagnosis.explain import LoginExplanation, claims_of, explain_login
from services.factory import create_services
from services.requirements import GuardedRoute


@click.command()
@click.argument("login", type=NAME, required=False)
@click.option("--against", metavar="PROVIDER", type=NAME, help="Beside what this provider would give instead.")
@click.option("--all", "everybody", is_flag=True, help="With --against: of everybody who can log in now.")
@JSON_OPTION
def explain(login: str | None, against: str | None, everybody: bool, as_json: bool) -> None:
    """Explain which identity, roles and routes a login would get.

    No password is needed, and nothing is changed. Exit code 1 if nobody has this login.
    """
    if (login is None) == (not everybody) or (everybody and not against):
        raise CommandError("say whose: flask explain LOGIN, or flask explain --all --against PROVIDER")
    app = load_application()
    services: Services = app.extensions.get("latchkey") or create_services(Settings.of_process())
    try:
        if login is None:
            against_everybody(services.chain, str(against), as_json)
        else:
            _one(services, login, guarded_routes(app), against, as_json)
    except ProviderUnavailable as error:
        raise CommandError(f"a provider cannot be asked: {error}") from None
    except CannotTell as error:
        raise CommandError(str(error)) from None


def _one(services: Services, login: str, routes: list[GuardedRoute], against: str | None, as_json: bool) -> None:
    answer = explain_login(services.chain, login)
    if answer.outage:
        raise ProviderUnavailable(str(answer.outage.outage), answer.outage.idp)
    change = _switch(answer, against) if against else None
    if as_json:
        print_json(_members(services, answer, routes) | (members_of_switch(change) if change else {}))
    else:
        click.echo("\n\n".join([*_told(services, answer, routes), *(tables_of_switch(change) if change else [])]))
    if answer.reason == UNKNOWN_USER:
        sys.exit(1)


def _switch(answer: LoginExplanation, against: str) -> tuple[str, Change] | None:
    other = open_other(against)
    matcher = asking(against, other)
    return (against, next(compare([answer.identity], matcher))) if answer.identity else None


def _told(services: Services, answer: LoginExplanation, routes: list[GuardedRoute]) -> list[str]:
    told = [*tables_of_answer(answer)]
    if answer.untold and not answer.decisive:
        return [*told, "Only a login would tell. With a password: flask doctor --user LOGIN --password"]
    if not answer.identity:
        return [*told, f"Nobody would be let in: {refusal(answer.reason).words}."]
    try:
        told.append(table_of_claims(claims_of(services.issuer, answer.identity)))
    except ValueError as error:
        told.append(f"They could not log in: {error}.")
    return [*told, table_of_routes(routes, answer.identity["roles"])]


def _members(services: Services, answer: LoginExplanation, routes: list[GuardedRoute]) -> dict[str, object]:
    identity = answer.identity
    members: dict[str, object] = {
        "user": identity,
        "reason": answer.reason,
        "providers": [members_of_link(link) for link in answer.links],
        "claims": None,
        "routes": [members_of_route(route, identity["roles"]) for route in routes] if identity else [],
    }
    if identity:
        try:
            members["claims"] = claims_of(services.issuer, identity)
        except ValueError as error:
            members["reason"] = str(error)
    return members
