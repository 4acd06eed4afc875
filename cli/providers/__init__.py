"""`flask providers …`: list, test and create credential providers."""

import click

from cli.providers.check import check
from cli.providers.list import list_providers
from cli.providers.new import new

providers = click.Group(
    "providers", help="List, test and create credential providers.", commands=[list_providers, check, new]
)
