"""The import of users from a file into the user table."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TextIO

from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.errors import DatabaseUnavailable, UserExists
from database.import_staging import ExcludedRow, ExclusionReason, ImportReport, StagedImport, open_import
from services.user_import.files import CountingReader, create_private_file, ensure_seekable
from services.user_import.formats import UserFormat
from services.user_import.formats.findings import Findings
from services.user_import.staging import Staging

SHOWN_ROWS = 20
"""How many rejected or different rows a result lists one by one."""

Phase = Literal["reading", "writing"]
Advance = Callable[[int, int], None]
"""Called repeatedly during a phase, with the progress since the last call: in the unit of the length, and in users."""
TrackProgress = Callable[[Phase, int], AbstractContextManager[Advance]]
"""Called at the beginning of a phase with its length: in bytes while reading, in users while writing."""


class UserAddedConcurrently(Exception):
    """Another process added one of the users during the import. No user was imported."""


class FileChanged(Exception):
    """The file was changed during the import. No user was imported."""


class ImportStopped(Exception):
    """Ctrl-C, or a fault of the database, has ended the import. The text is the fault; it is empty after Ctrl-C."""

    def __init__(self, fault: str, *, is_committed: bool | None) -> None:
        super().__init__(fault)
        self.is_committed = is_committed
        """None if that is not known: then all accepted users were imported, or none."""


class ImportOptions(NamedTuple):
    """How to import a file."""

    format: UserFormat
    extra_roles: tuple[str, ...]
    """Roles for every user, in addition to those in the file."""
    dry_run: bool
    """Only check the file."""
    keep_going: bool
    """Import the accepted users if other rows are rejected."""
    rejected_file: Path | None
    """Where to write the rejected rows, with `keep_going` or `dry_run`. `None` writes none."""
    without_password: bool
    """Accept users without a usable password hash, who cannot log in until they have a password."""
    group_roles: bool
    """Give the members of groups roles with the names of the groups."""
    operator: str
    """Who imports the file, for the audit event."""
    source: str
    """The name of the file, for the audit event."""


class ImportResult(NamedTuple):
    """The result of an import."""

    report: ImportReport
    reasons: list[ExclusionReason]
    rows: list[ExcludedRow]
    """The first rejected or different rows: at most SHOWN_ROWS."""
    ignored: list[str]
    """The names of the columns that were not imported."""
    groups: int
    """The number of groups in the file."""
    unresolved: int
    """The number of members of groups that are not users in the file."""
    imported: int = 0
    rejected_file: Path | None = None
    """The file that was written."""


def import_users(
    database: DatabaseSettings, file: BinaryIO, options: ImportOptions, track: TrackProgress
) -> ImportResult:
    """Import the users of a file, in one transaction.

    If a row is rejected, no user is imported, unless `options.keep_going`. Existing users are not changed.
    Raises UnreadableFile, FileExistsError and any other OSError, UserAddedConcurrently and FileChanged: then no user is
    imported. Raises RenameFailed if only the file of rejected rows could not get its name, and ImportStopped.
    """
    if options.rejected_file and options.rejected_file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), options.rejected_file)
    is_committed: bool | None = False
    try:
        # The file of rejected rows gets its name after the commit: if it exists, the accepted users were imported.
        with ensure_seekable(file) as source, ExitStack() as after_commit:
            with open_import(open_engine(database)) as staged:
                result = _import(staged, source, options, track, after_commit)
                is_committed = None if result.imported else False
            is_committed = bool(result.imported)
    except (KeyboardInterrupt, DatabaseUnavailable) as error:
        raise ImportStopped(str(error), is_committed=is_committed) from None
    return result


def _import(
    staged: StagedImport, file: BinaryIO, options: ImportOptions, track: TrackProgress, after_commit: ExitStack
) -> ImportResult:
    findings = _stage(staged, file, options, track)
    result = _result(staged.check_conflicts(), staged, findings)
    if result.report.rejected and options.rejected_file:
        out = after_commit.enter_context(create_private_file(options.rejected_file))
        _write_rejected(staged, file, options, out)
        result = result._replace(rejected_file=options.rejected_file)
    accepted = result.report.accepted
    if options.dry_run or (result.report.rejected and not options.keep_going):
        return result
    if accepted:
        _write_users(staged, accepted, track)
        staged.record_audit_event(
            options.operator, f"{accepted} user{'' if accepted == 1 else 's'} from {options.source}"
        )
    return result._replace(imported=accepted)


def _result(report: ImportReport, staged: StagedImport, findings: Findings) -> ImportResult:
    return ImportResult(
        report,
        reasons=staged.exclusion_reasons(),
        rows=[*islice(staged.excluded_rows("rejected", "different"), SHOWN_ROWS)],
        ignored=[*findings.ignored],
        groups=findings.groups,
        unresolved=staged.groups.unresolved,
    )


def _stage(staged: StagedImport, file: BinaryIO, options: ImportOptions, track: TrackProgress) -> Findings:
    reader: Any = CountingReader(file)  # formats call only its two methods
    staging = Staging(staged, options.extra_roles, without_password=options.without_password)
    findings = Findings(staged.groups.stage if options.group_roles else None)
    with track("reading", os.fstat(file.fileno()).st_size) as advance:
        bytes_before = 0
        for rows in staging.stage(options.format.read(reader, findings)):
            advance(reader.bytes_read - bytes_before, rows)
            bytes_before = reader.bytes_read
    findings.flush()
    return findings


def describe_reason(row: ExcludedRow, position_name: str) -> str:
    """Return the reason why a row is not imported, with the position of the other row that is the reason."""
    return row.reason if row.other is None else f"{row.reason} ({position_name} {row.other})"


def _write_users(staged: StagedImport, accepted: int, track: TrackProgress) -> None:
    try:
        with track("writing", accepted) as advance:
            for rows in staged.write_users():
                advance(rows, rows)
    except UserExists:
        raise UserAddedConcurrently from None


def _write_rejected(staged: StagedImport, file: BinaryIO, options: ImportOptions, out: TextIO) -> None:
    """Read the file again, and write the rejected entries with their reasons.

    Raises FileChanged if a rejected entry is missing.
    """
    file.seek(0)
    # As in the first reading, except that nothing is stored.
    findings = Findings((lambda *_: None) if options.group_roles else None)
    entries = options.format.read(file, findings)
    with options.format.rejected_writer(out) as write:
        for row in staged.excluded_rows("rejected"):
            entry = next((entry for entry in entries if entry.position == row.position), None)
            if entry is None:
                raise FileChanged
            write(entry, describe_reason(row, options.format.position_name))
    out.flush()
    os.fsync(out.fileno())
