"""An explained login as tables and as JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from cli.terminal import as_table
from providers.interface import Explanation
from services.diagnosis.explain import LoginExplanation, ProviderResult
from services.requirements import Route
from services.tokens.claims import Claims

Row = tuple[str, ...]


def login_tables(login: LoginExplanation) -> Iterator[str]:
    """Yield tables: the result of each provider, then the groups and role rules of the provider that decides."""
    yield colored_table(("PROVIDER", "RESULT"), [(result.provider, str(result)) for result in login.results])
    if login.decision:
        yield from explanation_tables(login.decision.explanation)


def explanation_tables(explanation: Explanation) -> Iterator[str]:
    """Yield tables: the groups of a user, then the result of each role rule."""
    if explanation.groups:
        yield colored_table(("GROUP", "VIA GROUP"), [(one.group, one.via_group or "-") for one in explanation.groups])
    if explanation.rules:
        yield colored_table(("RULE", "ROLES", "MATCHED"), list(_rule_rows(explanation)))


def claims_table(claims: Claims) -> str:
    """Return a table of the claims that every access token of the user has."""
    rows = [(name, json.dumps(value, ensure_ascii=False)) for name, value in claims.items()]
    return colored_table(("CLAIM", "VALUE"), rows)


def routes_table(routes: Iterable[Route], roles: list[str]) -> str:
    """Return a table of the guarded routes, and whether a user with these roles may call them.

    It is not known if other functions run before the view: `flask guards` names them.
    """
    rows = [(",".join(route.methods), route.path, route.needs, _allowed(route, roles)) for route in routes]
    return colored_table(("METHOD", "ROUTE", "NEEDS", "ALLOWED"), rows)


def colored_table(heads: Row, rows: Sequence[Row]) -> str:
    """Return a table in which `yes` and `no` are colored."""
    return as_table(heads, rows, {"yes": "green", "no": "red"})


def result_json(result: ProviderResult) -> dict[str, object]:
    """Return the JSON object for the result of a provider."""
    explanation = asdict(result.explanation)
    return {"provider": result.provider, "outcome": result.outcome, "error": result.error, **explanation}


def route_json(route: Route, roles: list[str]) -> dict[str, object]:
    """Return the JSON object for a guarded route and a user with these roles."""
    return {"methods": route.methods, "path": route.path, "needs": route.needs, "allowed": _is_allowed(route, roles)}


def _rule_rows(explanation: Explanation) -> Iterator[Row]:
    for rule in explanation.rules:
        yield rule.rule, ", ".join(rule.roles), _yes_or_no(rule.matched)
        yield from ((f"  near miss: {near_miss}", "", "") for near_miss in rule.near_misses)


def _allowed(route: Route, roles: list[str]) -> str:
    return "not known" if _is_allowed(route, roles) is None else _yes_or_no(route.allows(roles))


def _is_allowed(route: Route, roles: list[str]) -> bool | None:
    return None if route.allows(roles) and route.other_checks else route.allows(roles)


def _yes_or_no(fact: bool) -> str:
    return "yes" if fact else "no"
