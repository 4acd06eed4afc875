"""`flask users hash-report`: the schemes of the stored password hashes."""

from collections.abc import Iterable

import click

from cli.terminal import JSON_OPTION, as_paragraph, as_table, print_json, progress
from cli.users.editor import open_user_table
from services.hash_statistics import HashCount, HashStatistics

COLORS = {"current": "green", "weak": "yellow", "unusable": "red"}


@click.command("hash-report")
@JSON_OPTION
def hash_report(as_json: bool) -> None:
    """Count users by password hash.

    Hashes are counted by scheme, cost parameters and status. A weak hash is replaced at the user's next login. A
    user with an unusable hash cannot log in.
    """
    users, statistics = open_user_table(), HashStatistics()
    with progress("Counting", users.count()) as advance:
        for hashes in users.password_hashes():
            statistics.add(hashes)
            advance(len(hashes))
    counts = statistics.counts()
    if as_json:
        print_json([_to_json(count) for count in counts])
    else:
        click.echo("\n".join(_report(counts)))


COMMANDS = [hash_report]


def _to_json(count: HashCount) -> dict[str, object]:
    return {**count.status._asdict(), "users": count.users, "active": count.active, "example": count.example}


def _report(counts: Iterable[HashCount]) -> Iterable[str]:
    totals = dict.fromkeys(COLORS, 0)
    rows = []
    for count in counts:
        scheme, parameters, status = count.status
        totals[status] += count.users
        cells = (status, f"{count.users:,}", f"{count.active:,}", count.example)
        rows.append((scheme, parameters or "-", *cells))
    weak, unusable = totals["weak"], totals["unusable"]
    yield as_table(("SCHEME", "PARAMETERS", "STATUS", "USERS", "ACTIVE", "EXAMPLE"), rows, COLORS)
    notes = [
        f"Weak hashes: {weak:,}. Each is replaced at the user's next login.",
        f"Weak or unusable hashes: {weak + unusable:,}. Without support for weak hashes, these users cannot log in.",
    ]
    if unusable:
        notes.append(
            f"Unusable hashes: {unusable:,}. Their users cannot log in. Set a new password: flask users set-password"
        )
    yield "\n" + "\n".join(map(as_paragraph, notes))
