"""`flask users inventory`: on which hashes the users are."""

from collections.abc import Iterable
from dataclasses import dataclass

import click

from cli.terminal import JSON_OPTION, as_table, print_json, progress, translate_command_errors
from cli.users.hash_status import HashStatus, hash_status
from config.settings import Settings
from database.engine import open_engine
from database.hash_census import Group, count_hashes

COLOURS = {"current": "green", "weak": "yellow", "unusable": "red"}


@dataclass
class _Line:
    example: str
    users: int = 0
    active: int = 0

    def take(self, group: Group) -> None:
        self.users += group.users
        self.active += group.active


@click.command()
@JSON_OPTION
def inventory(as_json: bool) -> None:
    """Count the users by the scheme and the cost of their password hashes.

    `weak` ones are replaced when their users log in. With an `unusable` one nobody can log in. All who are not
    `current` would be stranded if the old schemes were given up.
    """
    lines: dict[HashStatus, _Line] = {}
    engine = open_engine(Settings.of_process().database)
    with translate_command_errors(), progress("Counting", 1000) as advance:
        counted = 0.0
        for part, groups in count_hashes(engine):
            for group in groups:
                lines.setdefault(hash_status(group.sample), _Line(group.username)).take(group)
            advance(round(1000 * part) - round(1000 * counted))
            counted = part
    ordered = sorted(lines.items(), key=lambda item: -item[1].users)
    if as_json:
        print_json([_members(kind, line) for kind, line in ordered])
    else:
        click.echo("\n".join(_told(ordered)))


COMMANDS = [inventory]


def _members(kind: HashStatus, line: _Line) -> dict[str, object]:
    return {**kind._asdict(), "users": line.users, "active": line.active, "example": line.example}


def _told(ordered: Iterable[tuple[HashStatus, _Line]]) -> Iterable[str]:
    counts = dict.fromkeys(COLOURS, 0)
    rows = []
    for (scheme, parameters, status), line in ordered:
        counts[status] += line.users
        cells = (click.style(status, COLOURS[status]), f"{line.users:,}", f"{line.active:,}", line.example)
        rows.append((scheme, parameters or "-", *cells))
    yield as_table(("SCHEME", "PARAMETERS", "STATUS", "USERS", "ACTIVE", "FOR EXAMPLE"), rows)
    yield ""
    yield f"{counts['weak']:,} have a weaker hash, which is replaced when they log in next."
    yield f"{counts['weak'] + counts['unusable']:,} would be stranded if only current hashes were accepted."
    if counts["unusable"]:
        yield f"{counts['unusable']:,} cannot log in. Give them another password: flask users set-password"
