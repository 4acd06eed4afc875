"""`flask users list`, `show` and `history`: the users in the table, and the changes to them."""

import csv
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from shlex import quote
from typing import get_args

import click

from cli.terminal import (
    JSON_OPTION,
    NAME,
    CommandError,
    as_record,
    as_table,
    format_time,
    print_json,
    utf8_output,
)
from cli.users.editor import open_user_table
from config.text import casefold_name
from database.audit import AuditEvent
from database.errors import NoSuchUser
from database.tables import NO_PASSWORD
from database.user_filter import SortKey, UserFilter
from database.user_row import UserRow
from database.user_table import UserTable
from passwords.status import HashStatus, hash_status
from services.user_import.formats.csv_file import format_roles
from services.user_import.formats.formulas import escape_formula

DEFAULT_LIMIT = 100
SHOWN_EVENTS = 20
_MAX_ID = 2**31 - 2


@click.command("list")
@click.option("--role", type=NAME, help="Only users with this role.")
@click.option("--search", type=NAME, help="Only users with this text in their username or email.")
@click.option("--active/--disabled", default=None, help="Only active users, or only disabled users.")
@click.option(
    "--sort",
    type=click.Choice(get_args(SortKey)),
    default="username",
    show_default=True,
    help="The order of the users.",
)
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option(
    "--limit",
    type=click.IntRange(1, _MAX_ID),
    help=f"The maximum number of users. Default: {DEFAULT_LIMIT}; no limit with --csv or --json.",
)
@click.option("--after", type=NAME, help="Start after this username; with --sort created, after this id.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_users(limit: int | None, after: str | None, as_csv: bool, as_json: bool, **options: object) -> None:
    """List users, one page at a time."""
    if as_csv and as_json:
        raise CommandError("give one of --csv and --json")
    user_filter = UserFilter(**options)  # type: ignore[arg-type]  # the options above have these types
    start = _parse_after(user_filter, after)
    print_rows = _choose_printer(as_csv=as_csv, as_json=as_json)
    if limit is None and (as_csv or as_json):
        print_rows(open_user_table().iterate(user_filter, start))
        return
    found = open_user_table().page(user_filter, (limit or DEFAULT_LIMIT) + 1, start)
    rows = found[: limit or DEFAULT_LIMIT]
    print_rows(rows)
    if len(found) > len(rows):
        last = rows[-1].username if user_filter.sort == "username" else rows[-1].id
        click.echo(f"There are more users. For the next page, add: --after {quote(str(last))}", err=True)


@click.command()
@click.argument("login", type=NAME)
@JSON_OPTION
def show(login: str, as_json: bool) -> None:
    """Show a user, and the latest changes to the user."""
    table = open_user_table()
    row = table.require(login)
    events = table.history_of(row.id, None if as_json else SHOWN_EVENTS)
    status = hash_status(row.password_hash)
    if as_json:
        print_json(row.to_json() | {"password": status._asdict(), "history": [_to_json(event) for event in events]})
        return
    _print_user(row, status)
    if events:
        click.echo(f"\n{_history_table(events)}")


@click.command()
@click.argument("login", type=NAME, required=False)
@click.option(
    "--limit",
    type=click.IntRange(1, _MAX_ID),
    help=f"The maximum number of changes. Default: {SHOWN_EVENTS}; no limit with --json.",
)
@JSON_OPTION
def history(login: str | None, limit: int | None, as_json: bool) -> None:
    """Show the latest changes to one user, or to all users.

    LOGIN can also be the username of a deleted user, or the former username of a user. USER is the username in the
    change, and what has become of its user since. REQUEST is the id of the HTTP request in the log.
    """
    table = open_user_table()
    maximum = limit or (None if as_json else SHOWN_EVENTS)
    events = _history_of(table, login, maximum) if login else table.history(limit=maximum)
    if as_json:
        print_json([_to_json(event) for event in events])
    else:
        click.echo(_history_table(events))


COMMANDS = [list_users, show, history]


def _parse_after(user_filter: UserFilter, after: str | None) -> str | int | None:
    if after is None or user_filter.sort == "username":
        return after
    with suppress(ValueError):
        return max(0, min(int(after), _MAX_ID))
    raise CommandError("--after must be an id with --sort created. To find the id of a user, run: flask users show")


def _choose_printer(*, as_csv: bool, as_json: bool) -> Callable[[Iterable[UserRow]], None]:
    if as_csv:
        return _print_csv
    return _print_json_array if as_json else _print_table


def _print_table(rows: Iterable[UserRow]) -> None:
    cells = [
        (
            row.username,
            row.email or "-",
            ",".join(row.roles) or "-",
            _describe_state(row),
            f"{row.created_at:%Y-%m-%d}",
            f"{row.last_login_at:%Y-%m-%d}" if row.last_login_at else "-",
        )
        for row in rows
    ]
    click.echo(as_table(("USERNAME", "EMAIL", "ROLES", "ACTIVE", "CREATED", "LAST LOGIN"), cells))


def _print_json_array(rows: Iterable[UserRow]) -> None:
    """Print the users one by one, because they may not fit in memory."""
    separator = "[\n  "
    for row in rows:
        click.echo(separator + json.dumps(row.to_json(), ensure_ascii=False), nl=False)
        separator = ",\n  "
    click.echo("[]" if separator.startswith("[") else "\n]")


def _print_csv(rows: Iterable[UserRow]) -> None:
    writer = csv.writer(utf8_output())
    writer.writerow(("id", "username", "email", "roles", "active", "created_at", "updated_at", "last_login_at"))
    for row in rows:
        cells = row.to_json() | {"roles": format_roles(row.roles), "active": str(row.active).lower()}
        writer.writerow(escape_formula(str(cell or "")) for cell in cells.values())


def _history_of(table: UserTable, login: str, limit: int | None) -> list[AuditEvent]:
    """Return the events of the user with this login, or of a former username. Raises NoSuchUser if it is neither."""
    try:
        return table.history(table.require(login).username, limit)
    except NoSuchUser:
        if events := table.history(login, limit):
            return events
        raise


def _describe_state(row: UserRow) -> str:
    if row.active and row.password_hash == NO_PASSWORD:
        return "no password"
    return "yes" if row.active else "no"


def _print_user(row: UserRow, password: HashStatus) -> None:
    members = [
        ("Username", row.username),
        ("Id", str(row.id)),
        ("Email", row.email or "-"),
        ("Roles", ", ".join(row.roles) or "-"),
        ("Active", _describe_state(row)),
        ("Password", _describe_hash(password)),
        ("Created", format_time(row.created_at, "seconds")),
        ("Updated", format_time(row.updated_at, "seconds")),
        ("Last login", format_time(row.last_login_at, "seconds") if row.last_login_at else "-"),
    ]
    click.echo(as_record(members))


def _describe_hash(password: HashStatus) -> str:
    if password.status == "unusable":
        return f"unusable: {password.parameters}"
    return f"{password.scheme} {password.parameters} ({password.status})"


def _history_table(events: Iterable[AuditEvent]) -> str:
    rows = [
        (
            format_time(event.at, "seconds"),
            event.action,
            _user_of(event),
            event.operator,
            event.details or "-",
            event.request_id or "-",
        )
        for event in events
    ]
    return as_table(("TIME", "ACTION", "USER", "OPERATOR", "DETAILS", "REQUEST"), rows)


def _user_of(event: AuditEvent) -> str:
    """Return the name in the event, and what has become of its user if another user can have this name."""
    name = event.username_folded or "-"
    if event.user_id is None:
        return name
    if event.current_username is None:
        return f"{name} (deleted)"
    return name if casefold_name(event.current_username) == name else f"{name} (now {event.current_username})"


def _to_json(event: AuditEvent) -> dict[str, object]:
    return vars(event) | {"at": event.at.isoformat()}
