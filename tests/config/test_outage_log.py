"""The log during an outage: each reason once, and then once a minute with a count, instead of once for each request."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.outage_log import INTERVAL_SECONDS, MAX_REASONS, OutageLog

log = logging.getLogger(__name__)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which a test can change."""
    now = [1000.0]
    monkeypatch.setattr("config.outage_log.monotonic", lambda: now[0])
    return now


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_reason_is_logged_once_a_minute_with_a_count(caplog: pytest.LogCaptureFixture, clock: list[float]) -> None:
    outages = OutageLog(log)
    for _ in range(3):
        outages.warning("skipped: %s", "timeout")
    outages.warning("skipped: %s", "refused")
    clock[0] += INTERVAL_SECONDS
    outages.warning("skipped: %s", "timeout")
    last = "skipped: timeout (and 2 more times since the last such line)"
    assert warnings(caplog) == ["skipped: timeout", "skipped: refused", last]


def test_values_that_differ_do_not_make_a_reason_new(caplog: pytest.LogCaptureFixture) -> None:
    outages = OutageLog(log)
    with caplog.at_level(logging.DEBUG):
        for request in "abc":
            outages.error("request %s failed: %s", request, "50 % full", reason="50 % full")
    assert warnings(caplog) == ["request a failed: 50 % full"]
    assert caplog.records[-1].getMessage() == "request c failed: 50 % full"


def test_concurrent_failures_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    outages = OutageLog(log)
    with ThreadPoolExecutor(8) as threads:
        _ = [*threads.map(lambda _: outages.warning("%s", "timeout"), range(200))]
    assert warnings(caplog) == ["timeout"]


def test_number_of_remembered_reasons_is_limited() -> None:
    outages = OutageLog(log)
    for number in range(3 * MAX_REASONS):
        outages.warning("%s", number)
    assert len(vars(outages)["_reasons"]) == MAX_REASONS
