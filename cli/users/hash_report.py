"""`flask users inventory`: on which hashes the users are."""

from collections.abc import Iterable

import click

from cli.terminal import JSON_OPTION, as_table, print_json, progress, translate_command_errors
from config.settings import Settings
from database.engine import open_engine
from database.user_table import UserTable
from services.hash_statistics import HashCount, HashStatistics

COLORS = {"current": "green", "weak": "yellow", "unusable": "red"}


@click.command()
@JSON_OPTION
def inventory(as_json: bool) -> None:
    """Count the users by the scheme and the cost of their password hashes.

    `weak` ones are replaced when their users log in. With an `unusable` one nobody can log in. All who are not
    `current` would be stranded if the old schemes were given up.
    """
    users, statistics = UserTable(open_engine(Settings.of_process().database)), HashStatistics()
    with translate_command_errors(), progress("Counting", users.count()) as advance:
        for hashes in users.password_hashes():
            statistics.add(hashes)
            advance(len(hashes))
    counts = statistics.counts()
    if as_json:
        print_json([_to_json(count) for count in counts])
    else:
        click.echo("\n".join(_report(counts)))


COMMANDS = [inventory]


def _to_json(count: HashCount) -> dict[str, object]:
    return {**count.status._asdict(), "users": count.users, "active": count.active, "example": count.example}


def _report(counts: Iterable[HashCount]) -> Iterable[str]:
    totals = dict.fromkeys(COLORS, 0)
    rows = []
    for count in counts:
        scheme, parameters, status = count.status
        totals[status] += count.users
        cells = (click.style(status, COLORS[status]), f"{count.users:,}", f"{count.active:,}", count.example)
        rows.append((scheme, parameters or "-", *cells))
    yield as_table(("SCHEME", "PARAMETERS", "STATUS", "USERS", "ACTIVE", "FOR EXAMPLE"), rows)
    yield ""
    yield f"{totals['weak']:,} have a weaker hash, which is replaced when they log in next."
    yield f"{totals['weak'] + totals['unusable']:,} would be stranded if only current hashes were accepted."
    if totals["unusable"]:
        yield f"{totals['unusable']:,} cannot log in. Give them another password: flask users set-password"
