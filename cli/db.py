"""`flask db …`: the tables in DATABASE_URL."""

import click

from cli.terminal import told
from config.environment import read_environment
from database.engine import open_engine
from database.schema import upgrade as upgrade_schema


@click.group
def db() -> None:
    """Tend the tables in DATABASE_URL."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version's tables."""
    with told():
        revision = upgrade_schema(open_engine(read_environment()))
    click.echo(f"The database is now at revision {revision}." if revision else "The database is up to date.")
