"""`flask users …`: the user table, and password hashes for the users file."""

import click

from cli.terminal import CommandError
from cli.users.edit import COMMANDS as EDIT_COMMANDS
from cli.users.hash_report import COMMANDS as REPORT_COMMANDS
from cli.users.import_export import COMMANDS as FILE_COMMANDS
from cli.users.list import COMMANDS as LIST_COMMANDS
from cli.users.reset import COMMANDS as RESET_COMMANDS
from cli.users.roles import COMMANDS as ROLE_COMMANDS

RENAMED = {"grant": "add-role", "revoke": "remove-role", "rename": "update", "inventory": "hash-report"}
"""The new name of each renamed command, by its old name."""


def _renamed_command(old: str, new: str) -> click.Command:
    """Return a hidden command that fails, with any arguments, and names the new command."""

    def fail(**_: object) -> None:
        raise CommandError(f"flask users {old} has been renamed. Run: flask users {new}")

    return click.Command(
        old,
        callback=fail,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
        hidden=True,
    )


users = click.Group(
    "users",
    help="Manage the users in DATABASE_URL.\n\nA LOGIN is a username or an email.",
    commands=[
        *EDIT_COMMANDS,
        *LIST_COMMANDS,
        *RESET_COMMANDS,
        *ROLE_COMMANDS,
        *FILE_COMMANDS,
        *REPORT_COMMANDS,
        *(_renamed_command(old, new) for old, new in RENAMED.items()),
    ],
)
