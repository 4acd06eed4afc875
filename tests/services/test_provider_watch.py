"""The watch of providers: one log line when a provider exceeds its time limit, one when it responds again."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from threading import enumerate as all_threads

import pytest

from services.provider_watch import ProviderWatch
from tests.servers.process import wait_until

LIMIT = 0.5  # seconds


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture) -> Iterator[ProviderWatch]:
    caplog.set_level(logging.INFO)
    yield ProviderWatch(LIMIT)
    wait_until(lambda: not watch_threads(), 60)


def watch_threads() -> list[str]:
    return [thread.name for thread in all_threads() if thread.name == "provider watch"]


def reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "the provider" in record.getMessage()]


def late(name: str) -> str:
    return f"the provider {name} has not responded for 0.5 seconds, which is its time limit"


def again(name: str) -> str:
    return f"the provider {name} responds again"


def test_outage_is_one_line_however_many_calls_wait(watch: ProviderWatch, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as calls:
        for _ in range(5):
            calls.enter_context(watch.call("slow"))
        wait_until(lambda: bool(reports(caplog)), 60)
        with watch.call("other"):
            wait_until(lambda: len(reports(caplog)) > 1, 60)
    assert reports(caplog) == [late("slow"), late("other")]


def test_late_call_does_not_end_an_outage(watch: ProviderWatch, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        with watch.call("slow"):
            wait_until(lambda: late("slow") in reports(caplog), 60)
            with watch.call("other"):
                wait_until(lambda: reports(caplog)[-1] == late("other"), 60)
        with watch.call("other"):
            pass
    assert reports(caplog) == [late("slow"), late("other"), again("other"), late("other"), again("other")]


def test_call_within_the_limit_ends_an_outage_and_the_next_one_is_reported(
    watch: ProviderWatch, caplog: pytest.LogCaptureFixture
) -> None:
    with watch.call("slow"):
        wait_until(lambda: len(reports(caplog)) == 1, 60)
        with watch.call("slow"):
            pass
        # The first call still waits, and belongs to the outage that has been reported.
        with watch.call("other"):
            wait_until(lambda: len(reports(caplog)) == 3, 60)
    with watch.call("slow"):
        wait_until(lambda: len(reports(caplog)) == 4, 60)
    assert reports(caplog) == [late("slow"), again("slow"), late("other"), late("slow")]


def test_failing_call_is_a_response(watch: ProviderWatch, caplog: pytest.LogCaptureFixture) -> None:
    with watch.call("slow"):
        wait_until(lambda: len(reports(caplog)) == 1, 60)
    with pytest.raises(ConnectionError), watch.call("slow"):
        raise ConnectionError
    assert reports(caplog) == [late("slow"), again("slow")]


def test_calls_within_the_limit_are_not_logged_and_leave_no_thread(
    watch: ProviderWatch, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        with watch.call("fast"):
            pass
    wait_until(lambda: not watch_threads(), 60)
    assert reports(caplog) == []
