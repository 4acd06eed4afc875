"""`flask db …`: the tables in DATABASE_URL."""

import os

import click

from cli.terminal import raising_refused
from config.environment import read_environment
from database.engine import open_engine
from database.schema import upgrade as upgrade_schema


@click.group
def db() -> None:
    """Tend the tables in DATABASE_URL."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version's tables."""
    os.umask(0o077)  # a new SQLite file will hold password hashes
    with raising_refused():
        revision = upgrade_schema(open_engine(read_environment(), may_create=True))
    click.echo(f"The database is now at revision {revision}." if revision else "The database is up to date.")
