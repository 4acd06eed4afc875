"""`flask database prune`: rows that are not needed any more."""

from datetime import UTC, datetime, timedelta

import click

from cli.operator import begin_change
from cli.terminal import JSON_OPTION, as_paragraph, as_table, describe_interruption, print_json, progress
from config.settings import Settings
from database.engine import open_engine
from database.retention import Pruning


@click.command
@click.option("--dry-run", is_flag=True, help="Only count the rows.")
@JSON_OPTION
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete expired rows, and audit events older than AUDIT_RETENTION_DAYS.

    The service can run meanwhile. Rows are kept for a day after they expire. Without AUDIT_RETENTION_DAYS, all audit
    events are kept.
    """
    settings = Settings.of_process()
    days = settings.audit.retention_days
    pruning = Pruning(open_engine(settings.database), datetime.now(UTC) - timedelta(days=days) if days else None)
    operator = begin_change(settings)
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
    outcome = "The rows that were deleted stay deleted. To delete the others, run the command again"
    with describe_interruption(outcome), progress("Deleting", sum(expected.values())) as advance:
        for table, rows in pruning.run(operator):
            deleted[table] += rows
            advance(rows)
    return deleted
