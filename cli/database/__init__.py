"""`flask database …`: the tables in DATABASE_URL."""

import click

from cli.database.copy import copy
from cli.database.prune import prune
from cli.database.schema import COMMANDS as SCHEMA_COMMANDS

database = click.Group("database", help="Manage the tables in DATABASE_URL.", commands=[*SCHEMA_COMMANDS, prune, copy])
