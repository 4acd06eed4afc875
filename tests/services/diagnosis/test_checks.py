"""Checks of the doctor whose findings no command can produce on the test machine: clocks that differ."""

import time

import pytest
import time_machine

from config.service_settings import DatabaseSettings
from services.diagnosis.checks.database import check_database
from tests.support.stores import user_table

STEP = "database: clock"


@pytest.mark.parametrize("migrated_database", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("seconds", "outcome", "text"),
    [(0, "ok", "this machine's"), (60, "warning", "s behind this"), (-60, "warning", "s ahead of this")],
)
def test_difference_of_the_clocks_is_reported(migrated_database: str, seconds: int, outcome: str, text: str) -> None:
    environ = user_table(migrated_database, [])
    with time_machine.travel(time.time() + seconds):
        clock = next(
            check for check in check_database(DatabaseSettings.read(environ), ["database"]) if check.step == STEP
        )
    assert clock.outcome == outcome
    assert text in clock.found
    assert bool(clock.remedy) == (outcome != "ok")
