"""`flask users import` and `export`: many users at once, from files and into them."""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

import click

from cli.terminal import (
    JSON_OPTION,
    NAME,
    CommandError,
    as_table,
    print_json,
    progress,
    translate_command_errors,
    unseen,
)
from cli.users.editor import open_editor, operator_name
from cli.users.files import STDIN, CountedFile, opened, private_file, shown
from config.settings import Settings
from database.engine import open_engine
from database.errors import UserExists
from database.import_staging import Report, UserImport, importing
from database.user_filter import UserFilter
from services.user_import.formats import EXPORTS, FORMATS, UserFields, UserFormat, format_of
from services.user_import.importer import stage

REASONS = 10  # that a person is shown

Reasons = list[tuple[str, int, int]]


class Order(NamedTuple):
    """What is to be imported, and how."""

    path: Path
    format: UserFormat
    roles: tuple[str, ...]
    dry_run: bool
    keep_going: bool
    refused: Path
    """Where to write down who was refused."""


class Outcome(NamedTuple):
    """What came of an import."""

    imported: int
    dry_run: bool
    refused_file: str | None


@click.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--format", "name", type=click.Choice([*FORMATS]), help="Unless the name of the file tells it.")
@click.option("--role", "roles", type=NAME, multiple=True, help="A role for all of them; may be given several times.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--keep-going", is_flag=True, help="Import the good ones, and write the refused ones to a file.")
@click.option("--refused", type=click.Path(path_type=Path), help="That file. Unless given: FILE with .refused in it.")
@JSON_OPTION
def import_users(
    *,
    path: Path,
    name: str | None,
    roles: tuple[str, ...],
    dry_run: bool,
    keep_going: bool,
    refused: Path | None,
    as_json: bool,
) -> None:
    """Take in users, with the password hashes that they have, from FILE, or from standard input if that is `-`.

    Users who are there already stay as they are. If one is refused, nobody is imported, unless told to keep going.
    """
    with translate_command_errors():
        order = _order(path=path, format_=name, refused=refused, roles=roles, dry_run=dry_run, keep_going=keep_going)
        gc.disable()  # there is nothing to collect, and looking for it takes a third of the time
        report, reasons, outcome = _import(order)
    if as_json:
        print_json(_members(report, reasons, outcome))
    else:
        click.echo("\n".join(_told(report, reasons, outcome, order.format.place_name)))
    sys.exit(1 if report.refused else 0)


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path), help="A new file, for nobody else's eyes; standard output otherwise."
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines, not CSV.")
def export(output: Path | None, as_json: bool) -> None:
    """Write all users down, with their password hashes, so that `import` can read them."""
    table = open_editor()
    with translate_command_errors(), private_file(output) if output else _printed() as file:
        write = EXPORTS["jsonl" if as_json else "csv"](file)
        # What is printed shows by itself how far it is.
        with progress("Writing", table.users.count()) if output else nullcontext(unseen) as advance:
            for row in table.users.iterate(UserFilter()):
                write(UserFields(row.username, row.email, row.password_hash, row.roles, row.active))
                advance(1)


COMMANDS = [import_users, export]


def _printed() -> TextIO:
    """Return standard output in UTF-8, whatever the terminal's words are written in."""
    return open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False)


def _order(*, path: Path, format_: str | None, refused: Path | None, **asked: Any) -> Order:
    if path.is_dir():
        raise CommandError(f"{shown(path)} is a folder. Name a file")
    known = format_ or format_of(path)
    if known is None:
        raise CommandError(f"the name of the file does not tell its format. Add --format: {', '.join(FORMATS)}")
    if refused is None:
        name = "" if path == STDIN else f"{path.stem.strip('.')}."
        refused = path.with_name(f"{name}refused{path.suffix or f'.{known}'}")
    return Order(path=path, format=FORMATS[known], refused=refused, **asked)


def _import(order: Order) -> tuple[Report, Reasons, Outcome]:
    settings = Settings.of_process()
    if order.keep_going and not order.dry_run and order.refused.exists():
        raise CommandError(f"{shown(order.refused)} is there already. Move it away, or name another file: --refused")
    with opened(order.path) as file, ExitStack() as kept, importing(open_engine(settings.database)) as users:
        _stage(users, file, order)
        report, reasons = users.judge(), users.reasons()
        if order.dry_run or (report.refused and not order.keep_going):
            return report, reasons, Outcome(0, order.dry_run, None)
        if report.refused:
            # It has its name when the import is committed: who sees it has the other users too.
            _write_refused(users, file, order.format, kept.enter_context(private_file(order.refused)))
        if report.accepted:
            _write(users, report.accepted)
            users.done(operator_name(settings.environ), f"{report.accepted} users from {shown(order.path)}")
        return report, reasons, Outcome(report.accepted, False, shown(order.refused) if report.refused else None)


def _stage(users: UserImport, file: BinaryIO, order: Order) -> None:
    counted: Any = CountedFile(file)  # has of a file what a format asks for
    with progress("Reading", os.fstat(file.fileno()).st_size) as advance:
        rate, before = _rate(), 0
        for rows in stage(users, order.format.read(counted), order.roles):
            advance(counted.count - before, rate(rows))
            before = counted.count


def _write(users: UserImport, accepted: int) -> None:
    rate = _rate()
    try:
        with progress("Writing", accepted) as advance:
            for rows in users.write():
                advance(rows, rate(rows))
    except UserExists:
        raise CommandError(
            "somebody has added one of these users meanwhile, so nobody was imported. Run it again"
        ) from None


def _rate() -> Callable[[int], str]:
    """Return what tells the rate at which rows go by, when it is told how many more did."""
    began, count = time.monotonic(), 0

    def rate(rows: int) -> str:
        nonlocal count
        count += rows
        return f"{count / max(time.monotonic() - began, 0.001):,.0f} users/s"

    return rate


def _write_refused(users: UserImport, file: BinaryIO, format_: UserFormat, out: TextIO) -> None:
    """Write down who was refused, as they stand in the file, which is read once more for it."""
    file.seek(0)
    entries = format_.read(file)
    with format_.refused(out) as write:
        for place, reason in users.refusals():
            entry = next((entry for entry in entries if entry.place == place), None)
            if entry is None:
                raise CommandError("the file has changed while it was read, so nobody was imported. Run it again")
            write(entry, reason)
    out.flush()
    os.fsync(out.fileno())


def _members(report: Report, reasons: Reasons, outcome: Outcome) -> dict[str, object]:
    told = [{"reason": reason, "rows": rows, "first": first} for reason, rows, first in reasons]
    return {**report._asdict(), "reasons": told, **outcome._asdict()}


def _told(report: Report, reasons: Reasons, outcome: Outcome, place: str) -> Iterator[str]:
    """Yield what a person is told."""
    yield as_table([name.upper() for name in report._fields], [[f"{count:,}" for count in report]])
    if reasons:
        rows = [(f"{rows:,}", f"{place} {first}", reason) for reason, rows, first in reasons[:REASONS]]
        yield "\n" + as_table(("REFUSED", "THE FIRST AT", "BECAUSE"), rows)
    if len(reasons) > REASONS:
        yield f"… and {len(reasons) - REASONS} more reasons: --json"
    yield f"\n{_sentence(report, outcome)}"


def _sentence(report: Report, outcome: Outcome) -> str:
    imported = f"Imported {outcome.imported:,} user{'' if outcome.imported == 1 else 's'}."
    if not any(report):
        return "There is no user in this file."
    if outcome.dry_run:
        return "Nothing was changed, as this was a dry run."
    if outcome.refused_file:
        return f"{imported} The refused ones are in {outcome.refused_file}: mend them there, and import that file."
    if report.refused:
        return "Nobody was imported. Mend these rows, or import the others: --keep-going"
    return imported
