"""The import of users from a file into the user table."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TextIO

from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.errors import UserExists
from database.import_staging import ImportReport, RejectionReason, StagedImport, open_import
from services.user_import.files import CountingReader, create_private_file, ensure_seekable
from services.user_import.formats import UserFormat
from services.user_import.staging import stage_entries

Phase = Literal["reading", "writing"]
Advance = Callable[[int, int], None]
"""Called repeatedly during a phase, with the progress since the last call: in the unit of the length, and in users."""
TrackProgress = Callable[[Phase, int], AbstractContextManager[Advance]]
"""Called at the beginning of a phase with its length: in bytes while reading, in users while writing."""


class UserAddedConcurrently(Exception):
    """Another process added one of the users during the import. No user was imported."""


class FileChanged(Exception):
    """The file was changed during the import. No user was imported."""


class ImportOptions(NamedTuple):
    """How to import a file."""

    format: UserFormat
    extra_roles: tuple[str, ...]
    """Roles for every user, in addition to those in the file."""
    dry_run: bool
    """Only check the file."""
    keep_going: bool
    """Import the accepted users if other rows are rejected."""
    rejected_file: Path
    """Where to write the rejected rows, with `keep_going`."""
    operator: str
    """Who imports the file, for the audit event."""
    source: str
    """The name of the file, for the audit event."""


class ImportResult(NamedTuple):
    """The result of an import."""

    report: ImportReport
    reasons: list[RejectionReason]
    imported: int = 0
    rejected_file: Path | None = None
    """The file that was written."""


def import_users(
    database: DatabaseSettings, file: BinaryIO, options: ImportOptions, track: TrackProgress
) -> ImportResult:
    """Import the users of a file, in one transaction.

    If a row is rejected, no user is imported, unless `options.keep_going`. Existing users are not changed.
    Raises UnreadableFile, FileExistsError and any other OSError, DatabaseUnavailable, UserAddedConcurrently and
    FileChanged: then no user is imported. Raises RenameFailed if only the file of rejected rows could not get its name.
    """
    if options.keep_going and not options.dry_run and options.rejected_file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), options.rejected_file)
    # The file of rejected rows gets its name after the commit: if the file exists, the accepted users were imported.
    with ensure_seekable(file) as source, ExitStack() as after_commit, open_import(open_engine(database)) as staged:
        return _import(staged, source, options, track, after_commit)


def _import(
    staged: StagedImport, file: BinaryIO, options: ImportOptions, track: TrackProgress, after_commit: ExitStack
) -> ImportResult:
    _stage(staged, file, options, track)
    report = staged.check_conflicts()
    result = ImportResult(report, staged.rejection_reasons())
    if options.dry_run or (report.rejected and not options.keep_going):
        return result
    if report.rejected:
        out = after_commit.enter_context(create_private_file(options.rejected_file))
        _write_rejected(staged, file, options.format, out)
    if report.accepted:
        _write_users(staged, report.accepted, track)
        staged.record_audit_event(options.operator, f"{report.accepted} users from {options.source}")
    return result._replace(imported=report.accepted, rejected_file=options.rejected_file if report.rejected else None)


def _stage(staged: StagedImport, file: BinaryIO, options: ImportOptions, track: TrackProgress) -> None:
    reader: Any = CountingReader(file)  # formats call only its two methods
    with track("reading", os.fstat(file.fileno()).st_size) as advance:
        bytes_before = 0
        for rows in stage_entries(staged, options.format.read(reader), options.extra_roles):
            advance(reader.bytes_read - bytes_before, rows)
            bytes_before = reader.bytes_read


def _write_users(staged: StagedImport, accepted: int, track: TrackProgress) -> None:
    try:
        with track("writing", accepted) as advance:
            for rows in staged.write_users():
                advance(rows, rows)
    except UserExists:
        raise UserAddedConcurrently from None


def _write_rejected(staged: StagedImport, file: BinaryIO, format_: UserFormat, out: TextIO) -> None:
    """Read the file again, and write the rejected entries with their reasons.

    Raises FileChanged if a rejected entry is missing.
    """
    file.seek(0)
    entries = format_.read(file)
    with format_.rejected_writer(out) as write:
        for position, reason in staged.rejected_rows():
            entry = next((entry for entry in entries if entry.position == position), None)
            if entry is None:
                raise FileChanged
            write(entry, reason)
    out.flush()
    os.fsync(out.fileno())
