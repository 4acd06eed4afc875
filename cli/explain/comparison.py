"""`flask explain --against`: what would change if another provider took over."""

from collections import Counter
from collections.abc import Iterator

import click

from cli.explain.render import Row, table, tables_of
from cli.terminal import print_json, progress
from config.environment import read_environment
from providers.interface import AuthProvider
from providers.registry import open_provider
from services.chain import Chain
from services.diagnosis.comparison import Change, compare, everybody, listing
from services.diagnosis.denial_reasons import refusal

OUTCOMES = {
    "same": "would keep the roles they have",
    "changed": "would have other roles",
    "locked_out": "could not log in any more",
}


def open_other(name: str) -> AuthProvider:
    """Return the provider of this name, built from the same environment; ConfigurationError if it cannot be used."""
    return open_provider(name, read_environment(), source="--against")


def against_everybody(chain: Chain, name: str, as_json: bool) -> None:
    """Show whose roles would be others. Raises CannotTell and ProviderUnavailable."""
    counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    shown = []
    for change in _changes(chain, name):
        counts[change.outcome] += 1
        if change.outcome != "same" or change.doubt:
            shown.append(change)
    if as_json:
        members = {"against": name, "counts": counts, "users": [_members(change) for change in shown]}
        print_json(members)
        return
    if shown:
        heads = ("USER", "PROVIDER", "GAINS", "LOSES", "NOTE")
        click.echo(table(heads, [_row(change) for change in shown]) + "\n")
    told = "; ".join(f"{counts[outcome]:,} {words}" for outcome, words in OUTCOMES.items())
    click.echo(f"Of {counts.total():,} users {told}.\nWho is only in {name} is not listed.")


def tables_of_switch(switch: tuple[str, Change]) -> Iterator[str]:
    """Yield what the other provider has to say of one user, and what becomes of them."""
    name, change = switch
    yield f"With {name} instead:"
    if change.match.explanation:
        yield from tables_of(change.match.explanation)
    yield table(("USER", "PROVIDER", "GAINS", "LOSES", "NOTE"), [_row(change)])


def members_of_switch(switch: tuple[str, Change]) -> dict[str, object]:
    """Return what a script is told of it."""
    return {"against": {"provider": switch[0], **_members(switch[1])}}


def _changes(chain: Chain, name: str) -> Iterator[Change]:
    other = open_other(name)
    with progress("Listing", None) as advance:
        users = []
        for user in everybody(chain):
            users.append(user)
            advance(1, f"{len(users):,} users")
    with progress(f"Listing {name}", None) as advance:
        matcher = listing(name, other, advance)
    with progress("Comparing", len(users)) as advance:
        for change in compare(users, matcher):
            yield change
            advance(1)


def _row(change: Change) -> Row:
    note = change.doubt or ""
    if change.match.user is None:
        reason = change.match.reason
        note = f"could not log in: {refusal(reason).words if reason else 'not among those who can, there'}"
    user = change.user
    return user["username"], user["idp"], ", ".join(change.gains) or "-", ", ".join(change.loses) or "-", note or "-"


def _members(change: Change) -> dict[str, object]:
    there = change.match.user
    return {
        "username": change.user["username"],
        "provider": change.user["idp"],
        "outcome": change.outcome,
        "gains": change.gains,
        "loses": change.loses,
        "matched_by": change.match.by,
        "username_there": there["username"] if there else None,
        "reason": None if there else change.match.reason,
        "note": change.doubt,
    }
