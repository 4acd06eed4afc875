"""`flask database upgrade`, `downgrade` and `check`: the schema of the database."""

import sys

import click

from cli.terminal import JSON_OPTION, CommandError, as_paragraph, confirm, print_json
from config.settings import Settings
from database.engine import open_engine
from database.schema import HEAD, REVISIONS, revision_of, schema_drift, schema_problem
from database.schema import downgrade as downgrade_schema
from database.schema import upgrade as upgrade_schema
from database.user_table import UserTable


@click.command
def upgrade() -> None:
    """Upgrade the tables to the schema of this version."""
    revision = upgrade_schema(open_engine(Settings.of_process().database, may_create=True))
    click.echo(f"Upgraded the database to revision {revision}." if revision else "The database is up to date.")


@click.command
@click.argument("revision", metavar="REVISION", type=click.Choice(["base", *REVISIONS]))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def downgrade(revision: str, yes: bool) -> None:
    """Downgrade the tables to REVISION, such as 0007, or delete all of them with `base`.

    Data that the older tables cannot hold is deleted.
    """
    engine = open_engine(Settings.of_process().database)
    current = revision_of(engine)
    if (current or "") <= revision != "base":
        raise CommandError(f"the revision of the database is not newer than {revision}. See: flask database check")
    lost = "data that its tables cannot hold"
    if current and revision == "base":
        lost = f"every row of every table, with {UserTable(engine).count():,} users"
    if yes:
        click.echo(f"Deleting {lost}.", err=True)
    else:
        confirm(f"Downgrade to {revision}, and delete {lost}?")
    downgrade_schema(engine, revision)
    click.echo(f"Downgraded the database to revision {revision}.")


@click.command
@JSON_OPTION
def check(as_json: bool) -> None:
    """Check whether the tables are compatible with this version.

    The exit code is 1 if they are not.
    """
    engine = open_engine(Settings.of_process().database)
    revision, problem, drift = revision_of(engine), schema_problem(engine), schema_drift(engine)
    problems = [str(problem)] if problem else [f"the tables differ from the migrations: {change}." for change in drift]
    if as_json:
        print_json({"revision": revision, "required": HEAD, "compatible": not problems, "problems": problems})
    else:
        lines = [as_paragraph(f"Incompatible: {line}", "  ") for line in problems]
        click.echo("\n".join(lines or [f"Compatible: the database is at revision {revision}."]))
    sys.exit(1 if problems else 0)


COMMANDS = [upgrade, downgrade, check]
