"""`flask tokens list --user`: the sessions of one user."""

import click

from cli.terminal import as_table, format_time, print_json, printable
from cli.users.editor import open_user_table
from config.settings import Settings
from database.engine import open_engine
from database.errors import NoSuchUser
from database.session_row import SessionRow
from database.session_table import SessionTable


def list_sessions(login: str, as_json: bool) -> None:
    """Print the sessions of the users with this username, or of the user of the user table with this email."""
    table = SessionTable(open_engine(Settings.of_process().database))
    username = _username_of(login)
    found = table.of_user(login) or (table.of_user(username) if username else [])
    if as_json:
        print_json([{**row.to_json(), "provider": row.idp} for row in found])
    elif found:
        click.echo(as_table(("ID", "PROVIDER", "CLIENT", "ADDRESS", "SINCE", "REFRESHED"), [*map(_to_row, found)]))
    elif username:
        click.echo(printable(f"{username} has no session."))
    else:
        found_nothing = f"No session has the username {login}, and the user table has no such user."
        click.echo(printable(f"{found_nothing} Name a user of another store by username"))


def _username_of(login: str) -> str | None:
    """Return the username of this user of the user table, `None` if it has no such user."""
    try:
        return open_user_table().require(login).username
    except NoSuchUser:
        return None


def _to_row(row: SessionRow) -> tuple[str, ...]:
    since, refreshed = (format_time(time) if time else "-" for time in (row.opened_at, row.rotated_at))
    client = f"{row.client_id}, {row.user_agent}" if row.user_agent else row.client_id
    return row.id, row.idp, client, row.address or "-", since, refreshed
