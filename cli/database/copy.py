"""`flask database copy`: from SQLite to PostgreSQL."""

from pathlib import Path

import click

from cli.operator import begin_change
from cli.terminal import JSON_OPTION, CommandError, as_table, describe_interruption, print_json, progress
from config.settings import Settings
from database.copying import CopyFailed, TargetNotEmpty, copy_database, count_rows
from database.engine import open_engine
from database.errors import DatabaseUnavailable, UnusableDatabaseFile
from database.sqlite_file import absolute_path

OUTCOME = "DATABASE_URL has the copy of every row, or of none. Run the command again"
_URL_PREFIX = "sqlite:///"


@click.command()
@click.argument("source", metavar="FILE")
@JSON_OPTION
def copy(source: str, as_json: bool) -> None:
    """Copy an SQLite database into the empty PostgreSQL database DATABASE_URL.

    FILE is the SQLite database: its path, or its URL. Every table is copied, in one transaction, and every copied row
    is compared with its original. FILE is not changed. Stop the service first: it cannot write to FILE meanwhile, and
    its later changes are not copied.
    """
    settings = Settings.of_process()
    target = open_engine(settings.database)
    if target.name != "postgresql":
        raise CommandError("DATABASE_URL is not the URL of a PostgreSQL database. FILE is copied to DATABASE_URL")
    operator = begin_change(settings)
    file = (
        absolute_path(source.removeprefix(_URL_PREFIX)) if source.startswith(_URL_PREFIX) else Path(source).absolute()
    )
    rows = _count_rows(file)
    try:
        with describe_interruption(OUTCOME), progress("Copying and comparing", 2 * sum(rows.values())) as advance:
            copy_database(file, target, operator, advance)
    except TargetNotEmpty as error:
        raise CommandError(f"the table {error} of DATABASE_URL is not empty. Create a new database") from None
    except CopyFailed as error:
        raise CommandError(f"nothing was copied: {error}. Correct it in FILE, and run the command again") from None
    _print(rows, as_json)


def _count_rows(path: Path) -> dict[str, int]:
    """Return the number of rows of each table of the SQLite database."""
    if not path.is_file():
        raise CommandError(f"{path} is not a file. Give the path of the SQLite database")
    try:
        return count_rows(path)
    except UnusableDatabaseFile as error:
        raise CommandError(str(error)) from None
    except DatabaseUnavailable as error:
        remedy = f"If it is of another version, run first: DATABASE_URL={_URL_PREFIX}{path} flask database upgrade"
        raise CommandError(f"{path} cannot be used: {error.reason}. {remedy}") from None


def _print(rows: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json({"rows": rows})
        return
    click.echo(as_table(("TABLE", "ROWS"), [(name, f"{count:,}") for name, count in rows.items()]))
    click.echo("\nCopied and compared every row. Start the service with this DATABASE_URL.")
