"""`flask db …`: the tables in DATABASE_URL."""

import sys
from datetime import UTC, datetime, timedelta

import click

from cli.db_copy import copy
from cli.operator import begin_change
from cli.terminal import (
    JSON_OPTION,
    CommandError,
    as_paragraph,
    as_table,
    confirm,
    print_json,
    progress,
    translate_command_errors,
)
from config.settings import Settings
from database.engine import open_engine
from database.retention import Pruning
from database.schema import HEAD, REVISIONS, revision_of, schema_drift, schema_problem
from database.schema import downgrade as downgrade_schema
from database.schema import upgrade as upgrade_schema


@click.group
def db() -> None:
    """Manage the tables in DATABASE_URL."""


@db.command()
def upgrade() -> None:
    """Upgrade the tables to the schema of this version."""
    with translate_command_errors():
        revision = upgrade_schema(open_engine(Settings.of_process().database, may_create=True))
    click.echo(f"Upgraded the database to revision {revision}." if revision else "The database is up to date.")


@db.command()
@click.argument("revision", type=click.Choice(["base", *REVISIONS]))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def downgrade(revision: str, yes: bool) -> None:
    """Downgrade the tables to REVISION.

    Data that the older tables cannot hold is deleted.
    """
    engine = open_engine(Settings.of_process().database)
    with translate_command_errors():
        if (revision_of(engine) or "") <= revision != "base":
            raise CommandError(f"the revision of the database is not newer than {revision}. See: flask db check")
        if not yes:
            confirm(f"Downgrade to {revision}, and delete data that its tables cannot hold?")
        downgrade_schema(engine, revision)
    click.echo(f"Downgraded the database to revision {revision}.")


@db.command()
@click.option("--dry-run", is_flag=True, help="Only count the rows.")
@JSON_OPTION
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete expired rows, and audit events older than AUDIT_RETENTION_DAYS.

    The service can run meanwhile. Rows are kept for a day after they expire. Without AUDIT_RETENTION_DAYS, all audit
    events are kept.

    For example, count the rows first: flask db prune --dry-run
    """
    settings = Settings.of_process()
    days = settings.audit.retention_days
    pruning = Pruning(open_engine(settings.database), datetime.now(UTC) - timedelta(days=days) if days else None)
    operator = begin_change(settings)
    with translate_command_errors():
        rows = pruning.count() if dry_run else _prune(pruning, operator)
    if as_json:
        print_json({"dry_run": dry_run, "rows": rows})
        return
    click.echo(as_table(("TABLE", "EXPIRED" if dry_run else "DELETED"), [(name, f"{n:,}") for name, n in rows.items()]))
    if days is None:
        click.echo(as_paragraph("\nAll audit events are kept. To delete old ones, set AUDIT_RETENTION_DAYS."))


def _prune(pruning: Pruning, operator: str) -> dict[str, int]:
    """Delete the rows, with a progress bar. Return how many were deleted, by the name of the table."""
    expected = pruning.count()
    deleted = dict.fromkeys(expected, 0)
    with progress("Deleting", sum(expected.values())) as advance:
        for table, rows in pruning.run(operator):
            deleted[table] += rows
            advance(rows)
    return deleted


@db.command()
@JSON_OPTION
def check(as_json: bool) -> None:
    """Check whether the tables are compatible with this version.

    The exit code is 1 if they are not.
    """
    engine = open_engine(Settings.of_process().database)
    with translate_command_errors():
        revision, problem, drift = revision_of(engine), schema_problem(engine), schema_drift(engine)
    problems = [str(problem)] if problem else [f"the tables differ from the migrations: {change}." for change in drift]
    if as_json:
        print_json({"revision": revision, "required": HEAD, "compatible": not problems, "problems": problems})
    else:
        lines = [as_paragraph(f"Incompatible: {line}", "  ") for line in problems]
        click.echo("\n".join(lines or [f"Compatible: the database is at revision {revision}."]))
    sys.exit(1 if problems else 0)


db.add_command(copy)
