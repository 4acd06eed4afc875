"""`flask users …`: the user table, and hashes for the users file."""

import click

from cli.users.change import COMMANDS as CHANGES
from cli.users.inventory import COMMANDS as COUNTS
from cli.users.show import COMMANDS as VIEWS
from cli.users.transfer import COMMANDS as TRANSFERS

users = click.Group("users", help="Tend the users in DATABASE_URL.", commands=[*CHANGES, *VIEWS, *TRANSFERS, *COUNTS])
