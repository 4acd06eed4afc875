"""The result of `flask users import`, as text or JSON."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from cli.terminal import as_paragraph, as_table, print_json, printable
from services.user_import.importer import SHOWN_ROWS, ImportOptions, ImportResult, describe_reason

SHOWN_REASONS = 10


def display_path(path: Path | str) -> str:
    """Return the path as text, even if it is not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def print_result(result: ImportResult, options: ImportOptions, as_json: bool) -> None:
    """Print how many rows were imported, and which rows were not."""
    if as_json:
        print_json(
            {
                **result.report._asdict(),
                "reasons": [reason._asdict() for reason in result.reasons],
                "rows": [row._asdict() for row in result.rows],
                "ignored": result.ignored,
                "groups": result.groups,
                "unresolved_members": result.unresolved,
                "imported": result.imported,
                "dry_run": options.dry_run,
                "rejected_file": result.rejected_file and display_path(result.rejected_file),
            }
        )
    else:
        click.echo("\n".join(_result_lines(result, options)))


def _result_lines(result: ImportResult, options: ImportOptions) -> Iterator[str]:
    heads = [name.upper().replace("_", " ") for name in result.report._fields]
    yield as_table(heads, [[f"{count:,}" for count in result.report]])
    if result.report.rejected + result.report.different > SHOWN_ROWS:
        yield from _reason_lines(result, options)
    elif result.rows:
        position = options.format.position_name
        rows = [(f"{row.position}", row.kind, describe_reason(row, position)) for row in result.rows]
        yield "\n" + as_table((position.upper(), "RESULT", "REASON"), rows)
    if notices := [*_notices(result, options)]:
        yield "\n" + "\n".join(map(as_paragraph, notices))
    yield "\n" + as_paragraph(_summary(result, options))


def _reason_lines(result: ImportResult, options: ImportOptions) -> Iterator[str]:
    position, reasons = options.format.position_name, result.reasons
    rows = [(f"{rows:,}", f"{position} {first}", kind, reason) for reason, kind, rows, first in reasons[:SHOWN_REASONS]]
    yield "\n" + as_table(("ROWS", "FIRST", "RESULT", "REASON"), rows)
    if len(reasons) > SHOWN_REASONS:
        yield f"… and {len(reasons) - SHOWN_REASONS} more reasons. To list all: --json"
    if not options.rejected_file:
        yield "To write every rejected row to a file: --dry-run --rejected FILE"


def _notices(result: ImportResult, options: ImportOptions) -> Iterator[str]:
    if result.ignored:
        yield f"Not imported: {', '.join(printable(name[:50]) for name in result.ignored)}."
    if result.groups and not options.group_roles:
        yield f"Not imported: {result.groups:,} groups. To give their members roles, add --group-roles"
    if result.unresolved:
        yield f"Members of groups that are not users in the file: {result.unresolved:,}."
    if not options.without_password and any(reason.reason.startswith("the password hash") for reason in result.reasons):
        yield "To import users without a usable password hash, who then need a new password, add --without-password"
    if result.report.no_password:
        yield "Users without a password cannot log in until they set one with the code of: flask users reset LOGIN"


def _summary(result: ImportResult, options: ImportOptions) -> str:
    imported = f"Imported {result.imported:,} user{'' if result.imported == 1 else 's'}."
    if not any(result.report):
        return "The file has no users."
    if options.dry_run:
        return f"Dry run: nothing was changed.{_rejected_rows_are_in(result)}"
    if result.rejected_file:
        return f"{imported}{_rejected_rows_are_in(result)} Fix them, and import that file."
    if result.report.rejected:
        return "No user was imported. Fix the rejected rows, or import the other users: --keep-going"
    return imported


def _rejected_rows_are_in(result: ImportResult) -> str:
    return f" The rejected rows are in {display_path(result.rejected_file)}." if result.rejected_file else ""
