"""`flask explain --compare-with`: what would change for users if another provider replaced the chain."""

from collections import Counter
from collections.abc import Iterator

import click

from cli.explain.render import Row, colored_table, explanation_tables
from cli.terminal import as_paragraph, print_json, progress
from config.environment import read_environment
from providers.interface import AuthProvider
from providers.registry import open_provider
from services.chain import Chain
from services.diagnosis.comparison import Change, compare, list_matcher, list_users
from services.diagnosis.denial_reasons import describe_denial

COMPARE_OPTION = "--compare-with"

_HEADINGS = ("USER", "PROVIDER", "GAINS", "LOSES", "NOTE")
_OUTCOMES = {
    "same": "would keep their roles",
    "changed": "would have other roles",
    "locked_out": "could no longer log in",
}


def open_other(name: str) -> AuthProvider:
    """Return the provider of this name, built from the same environment. Raises ConfigurationError."""
    return open_provider(name, read_environment(), source=COMPARE_OPTION)


def compare_all(chain: Chain, name: str, as_json: bool) -> None:
    """Print which users of the chain would have other roles. Raises MissingCapability and ProviderUnavailable."""
    counts: Counter[str] = Counter(dict.fromkeys(_OUTCOMES, 0))
    shown = []
    for change in _changes(chain, name):
        counts[change.outcome] += 1
        if change.outcome != "same" or change.note:
            shown.append(change)
    if as_json:
        print_json({"compared_with": name, "counts": counts, "users": [_change_json(change) for change in shown]})
        return
    if shown:
        click.echo(colored_table(_HEADINGS, [_row(change) for change in shown]) + "\n")
    summary = "; ".join(f"{counts[outcome]:,} {text}" for outcome, text in _OUTCOMES.items())
    click.echo(as_paragraph(f"Of {counts.total():,} users, {summary}."))
    click.echo(as_paragraph(f"Users who exist only in {name} are not listed."))


def change_tables(name: str, change: Change) -> Iterator[str]:
    """Yield the other provider's explanation of a user, and what would change for them."""
    yield f"With {name} instead:"
    if change.match.explanation:
        yield from explanation_tables(change.match.explanation)
    yield colored_table(_HEADINGS, [_row(change)])


def comparison_json(name: str, change: Change) -> dict[str, object]:
    """Return the member of the JSON output for the comparison of one user."""
    return {"compared_with": {"provider": name, **_change_json(change)}}


def _changes(chain: Chain, name: str) -> Iterator[Change]:
    other = open_other(name)
    with progress("Listing", None) as advance:
        users = []
        for user in list_users(chain):
            users.append(user)
            advance(1, f"{len(users):,} users")
    with progress(f"Listing {name}", None) as advance:
        matcher = list_matcher(name, other, advance)
    with progress("Comparing", len(users)) as advance:
        for change in compare(users, matcher):
            yield change
            advance(1)


def _row(change: Change) -> Row:
    note = change.note or ""
    if change.match.user is None:
        reason = change.match.reason
        note = f"could not log in: {describe_denial(reason).text if reason else 'not in the list of its users'}"
    user = change.user
    return user["username"], user["idp"], ", ".join(change.gains) or "-", ", ".join(change.loses) or "-", note or "-"


def _change_json(change: Change) -> dict[str, object]:
    other = change.match.user
    return {
        "username": change.user["username"],
        "provider": change.user["idp"],
        "outcome": change.outcome,
        "gains": change.gains,
        "loses": change.loses,
        "matched_by": change.match.by,
        "other_username": other["username"] if other else None,
        "reason": None if other else change.match.reason,
        "note": change.note,
    }
