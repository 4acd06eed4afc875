"""`flask users …`: the user table, and hashes for the users file."""

import click

from cli.users.edit import COMMANDS as CHANGES
from cli.users.hash_report import COMMANDS as COUNTS
from cli.users.import_export import COMMANDS as TRANSFERS
from cli.users.list import COMMANDS as VIEWS

users = click.Group("users", help="Manage the users in DATABASE_URL.", commands=[*CHANGES, *VIEWS, *TRANSFERS, *COUNTS])
