"""The database of DATABASE_URL. Imported only where there is one."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shlex import quote
from typing import Any

from config.permissions import is_readable_by_others, is_writable_by_others
from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.errors import DatabaseUnavailable
from database.schema import HEAD, revision_of, schema_drift, schema_problem
from database.server_info import clock_offset, server_version, sqlite_files
from providers.interface import Check

CLOSE = timedelta(seconds=2)


def check_database(settings: DatabaseSettings) -> Iterator[Check]:
    """Yield what there is to say of it, ending where it cannot be asked."""
    engine = open_engine(settings)
    try:
        yield Check("database: connection", "ok", f"{server_version(engine)} answers")
        yield from _tables(engine)
        if engine.name == "sqlite":
            yield from _sqlite(sqlite_files(engine))
        else:
            yield _clock(clock_offset(engine))
    except DatabaseUnavailable as error:
        yield _unavailable(error)


def _unavailable(error: DatabaseUnavailable) -> Check:
    remedy = error.remedy or "Check DATABASE_URL, and whether the database server is running"
    return Check("database: connection", "failure", error.reason, remedy)


def _tables(engine: Any) -> Iterator[Check]:
    if problem := schema_problem(engine):
        yield Check("database: tables", "failure", problem.statement, problem.remedy)
        return
    changed = schema_drift(engine)
    for difference in changed:
        remedy = "Undo what somebody did to the tables by hand. See: flask db check"
        yield Check("database: tables", "warning", f"are not as the migrations leave them: {difference}", remedy)
    if not changed:
        yield Check("database: tables", "ok", _revision(revision_of(engine)))


def _revision(revision: str | None) -> str:
    newer = "" if revision == HEAD else f", which is newer than this version's {HEAD}"
    return f"are at revision {revision}{newer}"


def _sqlite(there: list[Path]) -> Iterator[Check]:
    chmod = f"Run: chmod 600 {' '.join(quote(str(path)) for path in there)}"
    states = [os.stat(path) for path in there]
    if any(map(is_writable_by_others, states)):
        yield Check("database: file", "failure", "others can write to it, and so make themselves admins", chmod)
    elif any(map(is_readable_by_others, states)):
        yield Check("database: file", "warning", "others can read it, and try the password hashes at leisure", chmod)
    else:
        yield Check("database: file", "ok", "only its owner can read it")
    found = "SQLite is one file on one machine: several hosts cannot share it, over a network least of all"
    yield Check("database: hosts", "warning", found, "Take PostgreSQL before there is a second host")


def _clock(lead: timedelta) -> Check:
    seconds = lead.total_seconds()
    found = f"is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(lead) < CLOSE:
        return Check("database: clock", "ok", found)
    return Check("database: clock", "warning", found, "Set both by NTP: tokens and revocations go by them")
