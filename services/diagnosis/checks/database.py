"""The checks of the database. Imported only if DATABASE_URL is set, because it imports SQLAlchemy."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from config.service_settings import DatabaseSettings
from database.engine import open_engine
from database.errors import DatabaseUnavailable
from database.schema import HEAD, revision_of, schema_drift, schema_problem
from database.server_info import clock_offset, server_version
from database.tls import VERIFY, unverified_server
from providers.interface import Check
from services.sessions.provider_names import renamed_provider

MAX_CLOCK_OFFSET = timedelta(seconds=2)
_REMEDIES = {
    "postgresql": "Check DATABASE_URL, and that the database server is running",
    "sqlite": "Check the SQLite file in DATABASE_URL, and its disk",
}


def check_database(settings: DatabaseSettings, providers: Collection[str]) -> Iterator[Check]:
    """Yield the findings about the database. The last one is a failure if the database is unavailable.

    `providers` are the names in AUTH_PROVIDER.
    """
    engine = open_engine(settings)
    if engine.name == "postgresql":
        yield _check_encryption(engine)
    try:
        yield Check("database: connection", "ok", f"{server_version(engine)} answers")
        yield from _check_tables(engine, providers)
        if engine.name == "sqlite":
            found = "several hosts cannot share an SQLite database, not even on a network file system"
            yield Check("database: hosts", "info", found, "Use PostgreSQL before adding a second host")
        else:
            yield _check_clock(clock_offset(engine))
    except DatabaseUnavailable as error:
        yield Check("database: connection", "failure", error.reason, error.remedy or _REMEDIES[engine.name])


def _check_encryption(engine: Any) -> Check:
    if found := unverified_server(engine):
        return Check("database: encryption", "warning", found, f"{VERIFY}, and unset DATABASE_INSECURE_TLS")
    return Check("database: encryption", "ok", "the server is on this host, or it is verified")


def _check_tables(engine: Any, providers: Collection[str]) -> Iterator[Check]:
    if problem := schema_problem(engine):
        yield Check("database: tables", "failure", problem.statement, problem.remedy)
        return
    differences = schema_drift(engine)
    for difference in differences:
        remedy = "Undo the manual change of the tables, until this reports none: flask database check"
        yield Check("database: tables", "warning", f"the tables differ from the migrations: {difference}", remedy)
    if not differences:
        revision = revision_of(engine)
        newer = "" if revision == HEAD else f", which is newer than {HEAD} of this version"
        yield Check("database: tables", "ok", f"the schema revision is {revision}{newer}")
    if renamed := renamed_provider(engine, providers):
        yield Check("database: sessions", "warning", renamed.statement, renamed.remedy)


def _check_clock(offset: timedelta) -> Check:
    seconds = offset.total_seconds()
    found = f"the server's clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    if abs(offset) < MAX_CLOCK_OFFSET:
        return Check("database: clock", "ok", found)
    return Check(
        "database: clock", "warning", found, "Synchronize both clocks (NTP): tokens and revocations depend on them"
    )
