"""`flask db …`: the tables in DATABASE_URL."""

import click

from cli.terminal import Refused
from config.environment import read_environment
from database.engine import open_engine
from database.schema import upgrade as upgrade_schema
from database.users import DatabaseUnavailable


@click.group
def db() -> None:
    """Tend the tables in DATABASE_URL."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version's tables."""
    try:
        revision = upgrade_schema(open_engine(read_environment()))
    except DatabaseUnavailable as error:
        raise Refused(f"the database cannot be used: {error}") from None
    click.echo(f"The database is now at revision {revision}." if revision else "The database is up to date.")
