"""`flask users …`: the user table, and hashes for the users file."""

import click

from cli.users import change, inventory, show, transfer

users = click.Group(
    "users",
    help="Tend the users in DATABASE_URL.",
    commands=[*change.COMMANDS, *show.COMMANDS, *transfer.COMMANDS, *inventory.COMMANDS],
)
