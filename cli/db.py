"""`flask db …`: the tables in DATABASE_URL."""

import json
import os
import sys

import click

from cli.terminal import CommandError, confirm, translate_command_errors
from config.settings import Settings
from database.engine import open_engine
from database.schema import HEAD, REVISIONS, revision_of, schema_drift, schema_problem
from database.schema import downgrade as downgrade_schema
from database.schema import upgrade as upgrade_schema


@click.group
def db() -> None:
    """Manage the tables in DATABASE_URL."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version's tables."""
    os.umask(0o077)  # a new SQLite file will hold password hashes
    with translate_command_errors():
        revision = upgrade_schema(open_engine(Settings.of_process().database, may_create=True))
    click.echo(f"The database is now at revision {revision}." if revision else "The database is up to date.")


@db.command()
@click.argument("revision", type=click.Choice(["base", *REVISIONS]))
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(revision: str, yes: bool) -> None:
    """Bring the database back to an older version's tables. What only newer ones have room for is lost."""
    engine = open_engine(Settings.of_process().database)
    with translate_command_errors():
        if (revision_of(engine) or "") <= revision != "base":
            raise CommandError(f"the database is not newer than {revision}. See: flask db check")
        if not yes:
            confirm(f"Go back to {revision}, and lose what only newer tables hold?")
        downgrade_schema(engine, revision)
    click.echo(f"The database is now at revision {revision}.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def check(as_json: bool) -> None:
    """Say whether the database fits this version: exit code 0 if it does, 1 if not."""
    engine = open_engine(Settings.of_process().database)
    with translate_command_errors():
        revision, problem, drift = revision_of(engine), schema_problem(engine), schema_drift(engine)
    problems = [str(problem)] if problem else [f"its tables were changed by hand: {difference}" for difference in drift]
    if as_json:
        click.echo(json.dumps({"revision": revision, "needed": HEAD, "fits": not problems, "problems": problems}))
    else:
        for line in problems or [f"it is at revision {revision}"]:
            click.echo(f"The database {'does not fit' if problems else 'fits'}: {line}")
    sys.exit(1 if problems else 0)
