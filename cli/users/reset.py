"""`flask users reset`: a one-time code with which a user sets a new password."""

from datetime import UTC, datetime, timedelta

import click

from cli.terminal import JSON_OPTION, NAME, CommandError, format_time, print_json, printable
from cli.users.editor import open_editor
from database.errors import UserDisabled
from passwords.reset_codes import generate_code, hash_code

MAX_HOURS = 168


@click.command()
@click.argument("login", type=NAME)
@click.option("--hours", type=click.IntRange(1, MAX_HOURS), default=24, show_default=True, help="How long it is valid.")
@JSON_OPTION
def reset(login: str, hours: int, as_json: bool) -> None:
    """Print a one-time code with which a user sets a new password.

    The user, or a form of yours, sends it to POST /api/auth/password/reset with the members login, code and
    new_password. Until then, the password and the sessions do not change. A new code replaces an older one.
    """
    code, expires_at = generate_code(), datetime.now(UTC) + timedelta(hours=hours)
    try:
        row = open_editor().issue_reset_code(login, hash_code(code), expires_at)
    except UserDisabled as error:
        raise CommandError(f"{error} is disabled. Run first: flask users enable LOGIN") from None
    if as_json:
        print_json({"username": row.username, "code": code, "expires_at": expires_at.isoformat()})
        return
    click.echo(
        printable(f"{row.username} can set a new password at /api/auth/password/reset until {format_time(expires_at)}.")
    )
    click.echo(f"Code: {code}")


COMMANDS = [reset]
