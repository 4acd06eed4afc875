"""`flask users import` and `export`: many users, from and to files."""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TextIO

import click

from cli.operator import begin_change
from cli.terminal import (
    JSON_OPTION,
    ROLE,
    STDIN,
    CommandError,
    Interrupted,
    hidden_progress,
    open_input,
    progress,
    utf8_output,
)
from cli.users.editor import open_user_table
from cli.users.import_result import display_path, print_result
from config.settings import Settings
from database.user_filter import UserFilter
from services.user_import.files import RenameFailed, create_private_file
from services.user_import.formats import EXPORT_FORMATS, FORMATS, UnreadableFile, UserFields, guess_format
from services.user_import.importer import (
    Advance,
    FileChanged,
    ImportOptions,
    ImportResult,
    ImportStopped,
    Phase,
    UserAddedConcurrently,
    import_users,
)

LABELS = {"reading": "Reading", "writing": "Writing"}
OUTCOMES = {
    False: "No user was imported",
    True: "The accepted users were imported",
    None: "Either all accepted users were imported, or none",
}
"""What an import that was stopped has done, by ImportStopped.is_committed."""


@click.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_name", type=click.Choice([*FORMATS]), help="The file's format. Default: guessed from its name."
)
@click.option("--role", "roles", type=ROLE, multiple=True, help="An additional role for every user. Repeatable.")
@click.option("--group-roles", is_flag=True, help="Give the members of LDIF groups roles with the names of the groups.")
@click.option(
    "--without-password",
    is_flag=True,
    help="Also import users without a usable password hash. They cannot log in until they have a password.",
)
@click.option("--dry-run", is_flag=True, help="Check the file without importing it.")
@click.option("--keep-going", is_flag=True, help="Import the accepted users, and write the rejected rows to a file.")
@click.option(
    "--rejected",
    type=click.Path(path_type=Path),
    help="With --keep-going or --dry-run: the file for the rejected rows. Default with --keep-going: FILE with "
    ".rejected before its suffix.",
)
@JSON_OPTION
def import_(
    *,
    path: Path,
    format_name: str | None,
    roles: tuple[str, ...],
    group_roles: bool,
    without_password: bool,
    dry_run: bool,
    keep_going: bool,
    rejected: Path | None,
    as_json: bool,
) -> None:
    """Import users, keeping their password hashes.

    FILE can be `-` for standard input. Existing users are not changed. If a row is rejected, no user is imported,
    except with --keep-going. The exit code is 1 if rows were rejected.
    """
    settings = Settings.of_process()
    name = _choose_format(path, format_name)
    options = ImportOptions(
        format=FORMATS[name],
        extra_roles=roles,
        dry_run=dry_run,
        keep_going=keep_going,
        rejected_file=_choose_rejected_file(path, name, rejected, dry_run=dry_run, keep_going=keep_going),
        without_password=without_password,
        group_roles=group_roles,
        operator=begin_change(settings),
        source=display_path(path),
    )
    result = _import(settings, path, options)
    print_result(result, options, as_json)
    sys.exit(1 if result.report.rejected else 0)


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The path of a new file, readable only by you. Default: standard output.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON Lines. Default: CSV.")
def export(output: Path | None, as_json: bool) -> None:
    """Export all users.

    The output contains their password hashes, and `flask users import` can read it.
    """
    table = open_user_table()
    with _translate_file_errors("--output"), _open_output(output) as file:
        write = EXPORT_FORMATS["jsonl" if as_json else "csv"](file)
        # Output at a terminal shows its progress itself.
        with progress("Writing", table.count()) if output else nullcontext(hidden_progress) as advance:
            for row in table.iterate(UserFilter()):
                write(UserFields(row.username, row.email, row.password_hash, row.roles, row.active))
                advance(1)


COMMANDS = [import_, export]


def _import(settings: Settings, path: Path, options: ImportOptions) -> ImportResult:
    gc.disable()  # an import creates no reference cycles, and garbage collection would take a third of the time
    with _translate_import_errors(path, options), open_input(path, "users") as file:
        return import_users(settings.database, file, options, _track)


def _choose_format(path: Path, name: str | None) -> str:
    if path.is_dir():
        raise CommandError(f"{display_path(path)} is a directory. Name a file")
    chosen = name or guess_format(path)
    if chosen is None:
        raise CommandError(f"the file's name does not indicate its format. Add --format: {', '.join(FORMATS)}")
    return chosen


def _choose_rejected_file(
    path: Path, format_name: str, chosen: Path | None, *, dry_run: bool, keep_going: bool
) -> Path | None:
    if not (dry_run or keep_going):
        return None
    if chosen or dry_run:
        return chosen
    stem = "" if path == STDIN else f"{path.stem.strip('.')}."
    return path.with_name(f"{stem}rejected{path.suffix or f'.{format_name}'}")


def _open_output(path: Path | None) -> AbstractContextManager[TextIO]:
    return create_private_file(path) if path else nullcontext(utf8_output())


@contextmanager
def _translate_import_errors(path: Path, options: ImportOptions) -> Iterator[None]:
    try:
        with _translate_file_errors("--rejected", "" if options.dry_run else f"{OUTCOMES[True]}. "):
            yield
    except UnreadableFile as error:
        raise CommandError(f"{display_path(path)} cannot be read: {error}") from None
    except ImportStopped as stopped:
        outcome = OUTCOMES[stopped.is_committed]
        if fault := str(stopped):
            raise CommandError(f"the database cannot be used: {fault}. {outcome}") from None
        raise Interrupted(f"{outcome}. You can run the command again: it does not change existing users") from None
    except UserAddedConcurrently:
        raise CommandError(
            "another process added one of these users during the import. No user was imported. Run it again"
        ) from None
    except FileChanged:
        raise CommandError("the file was changed during the import. No user was imported. Run it again") from None


@contextmanager
def _translate_file_errors(option: str, outcome: str = "") -> Iterator[None]:
    """Translate the errors of a new file whose path can be chosen with the option.

    `outcome` is what the command has done before it gives the file its name.
    """
    try:
        yield
    except FileExistsError as error:
        raise CommandError(
            f"{display_path(error.filename)} exists. Move it, or choose another file: {option}"
        ) from None
    except RenameFailed as error:
        content = display_path(error.temporary)
        raise CommandError(
            f"{display_path(error.path)} cannot be created: {error.reason}. {outcome}Its content is in {content}"
        ) from None


@contextmanager
def _track(phase: Phase, length: int) -> Iterator[Advance]:
    """Show the progress of an import, and its rate."""
    start, users = time.monotonic(), 0
    with progress(LABELS[phase], length) as advance:

        def advance_users(by: int, added: int) -> None:
            nonlocal users
            users += added
            advance(by, f"{users / max(time.monotonic() - start, 0.001):,.0f} users/s")

        yield advance_users
