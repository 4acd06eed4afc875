"""What the doctor finds that no command can bring about here: clocks that differ."""

import time

import pytest
import time_machine

from config.service_settings import DatabaseSettings
from services.diagnosis.checks.database import check_database
from tests.support.stores import user_table

STEP = "database: clock"


@pytest.mark.parametrize("empty_database", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("seconds", "outcome", "words"),
    [(0, "ok", "this machine's"), (60, "warning", "s behind this"), (-60, "warning", "s ahead of this")],
)
def test_a_clock_that_differs_is_told(empty_database: str, seconds: int, outcome: str, words: str) -> None:
    environ = user_table(empty_database, [])
    with time_machine.travel(time.time() + seconds):
        told = next(check for check in check_database(DatabaseSettings.read(environ)) if check.step == STEP)
    assert told.outcome == outcome
    assert words in told.found
    assert bool(told.remedy) == (outcome != "ok")
