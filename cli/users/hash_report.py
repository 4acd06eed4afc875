"""`flask users inventory`: on which hashes the users are."""

from collections.abc import Iterable
from dataclasses import dataclass

import click

from cli.terminal import as_table, progress, translate_command_errors
from cli.users.table import JSON, as_json, kind_of
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
@JSON
def inventory(in_json: bool) -> None:
    """Count the users by the scheme and the cost of their password hashes.

    `weak` ones are replaced when their users log in. With an `unusable` one nobody can log in. All who are not
    `current` would be stranded if the old schemes were given up.
    """
    lines: dict[tuple[str, str, str], _Line] = {}
    engine = open_engine(Settings.of_process().database)
    with translate_command_errors(), progress("Counting", 1000) as advance:
        counted = 0.0
        for part, groups in count_hashes(engine):
            for group in groups:
                lines.setdefault(kind_of(group.sample), _Line(group.username)).take(group)
            advance(round(1000 * part) - round(1000 * counted))
            counted = part
    ordered = sorted(lines.items(), key=lambda item: -item[1].users)
    if in_json:
        click.echo(as_json([_members(kind, line) for kind, line in ordered]))
    else:
        click.echo("\n".join(_told(ordered)))


COMMANDS = [inventory]


def _members(kind: tuple[str, str, str], line: _Line) -> dict[str, object]:
    named = dict(zip(("scheme", "parameters", "standing"), kind, strict=True))
    return {**named, "users": line.users, "active": line.active, "example": line.example}


def _told(ordered: Iterable[tuple[tuple[str, str, str], _Line]]) -> Iterable[str]:
    counts = dict.fromkeys(COLOURS, 0)
    rows = []
    for (scheme, parameters, standing), line in ordered:
        counts[standing] += line.users
        cells = (click.style(standing, COLOURS[standing]), f"{line.users:,}", f"{line.active:,}", line.example)
        rows.append((scheme, parameters or "-", *cells))
    yield as_table(("SCHEME", "PARAMETERS", "STANDING", "USERS", "ACTIVE", "FOR EXAMPLE"), rows)
    yield ""
    yield f"{counts['weak']:,} have a weaker hash, which is replaced when they log in next."
    yield f"{counts['weak'] + counts['unusable']:,} would be stranded if only current hashes were accepted."
    if counts["unusable"]:
        yield f"{counts['unusable']:,} cannot log in. Give them another password: flask users set-password"
