"""How an explanation is shown, and what a script is told of it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import click

from cli.terminal import as_table, printable
from providers.interface import Explanation
from services.diagnosis.explain import LoginExplanation, ProviderResult
from services.requirements import GuardedRoute
from services.tokens.claims import Claims

Row = tuple[str, ...]


def tables_of_answer(answer: LoginExplanation) -> Iterator[str]:
    """Yield what each provider says, and how the one that knows the user comes by their roles."""
    yield table(("PROVIDER", "ANSWER"), [(link.idp, str(link)) for link in answer.links])
    if answer.decisive:
        yield from tables_of(answer.decisive.explanation)


def tables_of(explanation: Explanation) -> Iterator[str]:
    """Yield the groups of a user, and what became of every rule."""
    if explanation.groups:
        yield table(("GROUP", "THROUGH"), [(one.group, one.via_group or "-") for one in explanation.groups])
    if explanation.rules:
        yield table(("RULE", "GIVES", "MATCHED"), list(_rules(explanation)))


def table_of_claims(claims: Claims) -> str:
    """Return what every token of the user says."""
    return table(("CLAIM", "VALUE"), [(name, json.dumps(value, ensure_ascii=False)) for name, value in claims.items()])


def table_of_routes(routes: Iterable[GuardedRoute], roles: list[str]) -> str:
    """Return which guarded routes open for these roles."""
    rows = [(",".join(route.methods), route.path, route.needs, _told(route.allows(roles))) for route in routes]
    return table(("METHOD", "ROUTE", "NEEDS", "OPENS"), rows)


def table(heads: Row, rows: Sequence[Row]) -> str:
    """Return a table of texts that come from elsewhere, and of `yes` and `no` in the last column."""
    return as_table(heads, [[*map(printable, cells), _coloured(printable(last))] for *cells, last in rows])


def members_of_link(link: ProviderResult) -> dict[str, object]:
    """Return what a script is told of a provider's answer."""
    told = asdict(link.explanation)
    return {"provider": link.idp, "answer": link.outcome, "outage": link.outage, **told}


def members_of_route(route: GuardedRoute, roles: list[str]) -> dict[str, object]:
    """Return what a script is told of a route."""
    return {"methods": route.methods, "path": route.path, "needs": route.needs, "opens": route.allows(roles)}


def _rules(explanation: Explanation) -> Iterator[Row]:
    for verdict in explanation.rules:
        yield verdict.rule, ", ".join(verdict.roles), _told(verdict.matched)
        yield from ((f"  nearly: {near}", "", "") for near in verdict.near_misses)


def _told(fact: bool) -> str:
    return "yes" if fact else "no"


def _coloured(cell: str) -> str:
    colour = {"yes": "green", "no": "red"}.get(cell)
    return click.style(cell, colour) if colour else cell
