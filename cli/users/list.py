"""`flask users list` and `show`: who is in the table."""

import csv
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from shlex import quote
from typing import get_args

import click

from cli.terminal import JSON_OPTION, NAME, CommandError, as_table, print_json, translate_command_errors
from cli.users.editor import open_editor
from database.audit import AuditEvent
from database.user_filter import SortKey, UserFilter
from database.user_row import UserRow
from passwords.status import HashStatus, hash_status
from services.user_import.formats.csv_file import format_roles

PAGE = 100
_LARGEST = 2**31 - 2  # number of users


@click.command("list")
@click.option("--role", type=NAME, help="Only who has this role.")
@click.option("--search", type=NAME, help="Only with this text in the username or the address.")
@click.option("--active/--disabled", default=None, help="Only who can, or cannot, log in.")
@click.option("--sort", type=click.Choice(get_args(SortKey)), default="username", show_default=True)
@click.option("--reverse", is_flag=True, help="The last first.")
@click.option(
    "--limit", type=click.IntRange(1, _LARGEST), help=f"How many; {PAGE}, and in CSV and JSON all, unless given."
)
@click.option("--after", type=NAME, help="Begin after this username or, sorted by `created`, after this id.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: a JSON array.")
def list_users(limit: int | None, after: str | None, as_csv: bool, as_json: bool, **chosen: object) -> None:
    """Show the users, a page at a time."""
    selection = UserFilter(**chosen)  # type: ignore[arg-type]  # click has made them what they must be
    begin = _begin(selection, after)
    with translate_command_errors():
        if limit is None and (as_csv or as_json):
            (_print_csv if as_csv else _print_json_array)(open_editor().users.iterate(selection, begin))
            return
        found = open_editor().users.page(selection, (limit or PAGE) + 1, begin)
    rows = found[: limit or PAGE]
    (_print_csv if as_csv else _print_json_array if as_json else _print_table)(rows)
    if len(found) > len(rows):
        last = rows[-1].username if selection.sort == "username" else rows[-1].id
        click.echo(f"There are more. Add: --after {quote(str(last))}", err=True)


@click.command()
@click.argument("login", type=NAME)
@JSON_OPTION
def show(login: str, as_json: bool) -> None:
    """Show a user, and the newest of what was done to them."""
    table = open_editor()
    with translate_command_errors():
        row = table.users.require(login)
        events = table.users.history(row.username)
    status = hash_status(row.password_hash)
    if as_json:
        print_json(row.to_json() | {"password": status._asdict(), "history": [_event(event) for event in events]})
        return
    _print_user(row, status)
    if events:
        click.echo(f"\n{_lines(events)}")


@click.command()
@click.argument("username", type=NAME, required=False)
@JSON_OPTION
def history(username: str | None, as_json: bool) -> None:
    """Show the newest of what was done to whoever has, or had, this username; or to anybody."""
    with translate_command_errors():
        events = open_editor().users.history(username)
    if as_json:
        print_json([_event(event) for event in events])
    else:
        click.echo(_lines(events))


COMMANDS = [list_users, show, history]


def _begin(selection: UserFilter, after: str | None) -> str | int | None:
    if after is None or selection.sort == "username":
        return after
    with suppress(ValueError):
        return max(0, min(int(after), _LARGEST))
    raise CommandError("--after has to be an id where users are sorted by `created`. `show` tells it")


def _print_table(rows: Iterable[UserRow]) -> None:
    cells = [
        (
            row.username,
            row.email or "-",
            ",".join(row.roles) or "-",
            "yes" if row.active else "no",
            f"{row.created_at:%Y-%m-%d}",
            f"{row.last_login_at:%Y-%m-%d}" if row.last_login_at else "-",
        )
        for row in rows
    ]
    click.echo(as_table(("USERNAME", "EMAIL", "ROLES", "ACTIVE", "CREATED", "LAST LOGIN"), cells))


def _print_json_array(rows: Iterable[UserRow]) -> None:
    begin = "[\n  "
    for row in rows:
        click.echo(begin + json.dumps(row.to_json(), ensure_ascii=False), nl=False)
        begin = ",\n  "
    click.echo("[]" if begin.startswith("[") else "\n]")


def _print_csv(rows: Iterable[UserRow]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(("id", "username", "email", "roles", "active", "created_at", "updated_at", "last_login_at"))
    for row in rows:
        cells = row.to_json() | {"roles": format_roles(row.roles), "active": str(row.active).lower()}
        writer.writerow(cells.values())


def _print_user(row: UserRow, password: HashStatus) -> None:
    lines = [
        ("Id", str(row.id)),
        ("E-mail", row.email or "-"),
        ("Roles", ", ".join(row.roles) or "-"),
        ("Active", "yes" if row.active else "no"),
        ("Password", f"{password.scheme} {password.parameters} ({password.status})"),
        ("Created", _shown(row.created_at)),
        ("Changed", _shown(row.updated_at)),
        ("Last login", _shown(row.last_login_at) if row.last_login_at else "-"),
    ]
    click.echo(as_table(("Username", row.username), lines))


def _lines(events: Iterable[AuditEvent]) -> str:
    lines = [
        (_shown(event.at), event.action, event.username_folded or "-", event.operator, event.details or "-")
        for event in events
    ]
    return as_table(("WHEN", "WHAT", "TO", "BY", "DETAILS"), lines)


def _event(event: AuditEvent) -> dict[str, object]:
    return vars(event) | {"at": event.at.isoformat()}


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
