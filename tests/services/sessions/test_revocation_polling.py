"""The revocation list polls the database, through outages and forks."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Thread

import pytest

from database.errors import DatabaseUnavailable
from database.revocation_table import Revocation
from services.sessions.errors import SessionsUnavailable
from services.sessions.revocations import MAX_FULL_READ_SHARE, RevocationList
from tests.servers.process import wait_until
from tests.support.revocations import UNLIMITED, RevocationSource, claims, revocation


@pytest.fixture
def _fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.revocations.POLL_INTERVAL", 0.05)


def test_first_check_reads_all_revocations_and_later_reads_only_new_ones() -> None:
    source = RevocationSource(revocation(ended="first"))
    revocations = RevocationList(source, UNLIMITED)
    assert source.requests == []
    assert revocations.is_revoked(claims(jti="first"))
    source.revoke("second")
    revocations.refresh()
    assert revocations.is_revoked(claims(jti="second"))
    assert source.requests[:2] == [0, source.rows[0].id]


def test_check_makes_no_query() -> None:
    source = RevocationSource()
    revocations = RevocationList(source, UNLIMITED)
    for _ in range(1000):
        assert not revocations.is_revoked(claims())
    assert len(source.requests) < 100


@pytest.mark.usefixtures("_fast_polling")
def test_new_revocation_is_read_by_polling() -> None:
    source = RevocationSource()
    revocations = RevocationList(source, UNLIMITED)
    assert not revocations.is_revoked(claims())
    source.revoke("a token")
    wait_until(lambda: revocations.is_revoked(claims()))


@pytest.mark.usefixtures("_fast_polling")
def test_check_reads_the_list_itself_while_no_other_thread_can_run() -> None:
    source = RevocationSource()
    revocations = RevocationList(source, UNLIMITED)
    assert not revocations.is_revoked(claims())
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        source.revoke("a token")
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
        assert revocations.is_revoked(claims())
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_fast_polling")
def test_full_read_drops_expired_revocations(monkeypatch: pytest.MonkeyPatch) -> None:
    source = RevocationSource(revocation(ended="a token"))
    revocations = RevocationList(source, UNLIMITED)
    assert revocations.is_revoked(claims())
    source.rows.clear()
    wait_until(lambda: len(source.requests) > 2)
    assert revocations.is_revoked(claims())
    monkeypatch.setattr("services.sessions.revocations.FULL_READ_INTERVAL", 0.0)
    wait_until(lambda: not revocations.is_revoked(claims()))


def test_full_reads_of_many_revocations_take_a_small_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.revocations.FULL_READ_INTERVAL", 0.0)
    source = RevocationSource(revocation(ended="a token"))
    started: list[float] = []

    def fetch_slowly(last_id: int) -> list[Revocation]:
        if last_id == 0:
            started.append(time.monotonic())
            time.sleep(0.02)
        return source(last_id)

    revocations = RevocationList(fetch_slowly, UNLIMITED)
    while len(started) < 3:
        revocations.refresh()
    assert all(later - earlier >= 0.02 / MAX_FULL_READ_SHARE for earlier, later in pairwise(started))


@pytest.mark.usefixtures("_fast_polling")
def test_list_stays_in_force_during_an_outage_until_its_staleness_limit() -> None:
    source = RevocationSource(revocation(ended="a token"))
    unlimited, limited = RevocationList(source, UNLIMITED), RevocationList(source, 0.5)
    assert unlimited.is_revoked(claims())
    wait_until(lambda: can_decide(limited))
    source.is_unavailable = True
    wait_until(lambda: not can_decide(limited))
    assert (unlimited.is_revoked(claims()), unlimited.is_revoked(claims(jti="another"))) == (True, False)
    source.revoke("another")
    source.is_unavailable = False
    wait_until(lambda: can_decide(limited))
    wait_until(lambda: unlimited.is_revoked(claims(jti="another")))


def test_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    source = RevocationSource()
    revocations = RevocationList(source, UNLIMITED)
    assert not revocations.is_revoked(claims())
    source.is_unavailable = True
    count = len(source.requests)
    wait_until(lambda: len(source.requests) > count + 2)
    assert caplog.text.count("the revocation list cannot be read; the last one stays in force: connection refused") == 1


def can_decide(revocations: RevocationList) -> bool:
    try:
        revocations.is_revoked(claims())
    except SessionsUnavailable:
        return False
    return True


@pytest.mark.usefixtures("_fast_polling")
def test_list_that_was_never_read_is_unavailable_until_the_first_read(caplog: pytest.LogCaptureFixture) -> None:
    source = RevocationSource(revocation(ended="a token"))
    source.is_unavailable = True
    revocations = RevocationList(source, 300.0)
    with pytest.raises(SessionsUnavailable):
        revocations.is_revoked(claims())
    wait_until(lambda: len(source.requests) > 2)
    with pytest.raises(DatabaseUnavailable):
        revocations.refresh()
    assert not can_decide(revocations)
    assert caplog.text.count("the revocation list cannot be read") == 1
    source.is_unavailable = False
    wait_until(lambda: can_decide(revocations))
    assert revocations.is_revoked(claims())


def test_concurrent_first_checks_share_one_read() -> None:
    source = RevocationSource(revocation(ended="a token"))
    source.delay_seconds = 0.2
    revocations = RevocationList(source, 300.0)
    with ThreadPoolExecutor(8) as threads:
        checks = [threads.submit(revocations.is_revoked, claims()) for _ in range(8)]
        assert [check.result(60) for check in checks] == [True] * 8
    assert source.requests.count(0) == 1


def polling_threads() -> set[Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "revocations"}


@pytest.mark.usefixtures("_fast_polling")
def test_polling_thread_ends_with_its_list() -> None:
    others = polling_threads()
    revocations = RevocationList(RevocationSource(), UNLIMITED)
    revocations.is_revoked(claims())
    (thread,) = polling_threads() - others
    assert thread.daemon
    del revocations
    gc.collect()
    wait_until(lambda: not thread.is_alive())


def in_a_fork(succeeds: Callable[[], bool]) -> bool:
    """Return whether the function succeeds in a child process, which has only one thread."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            os._exit(0 if succeeds() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.usefixtures("_fast_polling")
def test_polling_continues_in_a_forked_process() -> None:
    source = RevocationSource()
    revocations = RevocationList(source, UNLIMITED)
    assert not revocations.is_revoked(claims())

    def polls() -> bool:
        source.revoke("a token")
        wait_until(lambda: revocations.is_revoked(claims()))
        return True

    assert in_a_fork(polls)


@pytest.mark.usefixtures("_fast_polling")
def test_late_first_check_in_a_forked_process_waits_for_a_read() -> None:
    source = RevocationSource(revocation(ended="a token"))
    revocations = RevocationList(source, 0.5)
    wait_until(lambda: can_decide(revocations))

    def waits() -> bool:
        time.sleep(0.7)
        source.delay_seconds = 0.1
        return revocations.is_revoked(claims())

    assert in_a_fork(waits)


def test_fork_during_a_read_does_not_block_the_child() -> None:
    source = RevocationSource(revocation(ended="a token"))
    source.delay_seconds = 1.0
    revocations = RevocationList(source, UNLIMITED)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(revocations.refresh)
        wait_until(lambda: bool(source.requests))

        def refreshes() -> bool:
            revocations.refresh()
            return revocations.is_revoked(claims())

        assert in_a_fork(refreshes)


@pytest.mark.usefixtures("_fast_polling")
def test_database_that_has_not_responded_is_unavailable_until_it_responds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("services.sessions.revocations.UNAVAILABLE_AFTER", 0.5)
    source = RevocationSource()
    revocations = RevocationList(source, UNLIMITED)
    assert not revocations.is_unavailable
    source.is_unavailable = True
    wait_until(lambda: revocations.is_unavailable)
    source.is_unavailable = False
    with caplog.at_level("INFO"):
        wait_until(lambda: not revocations.is_unavailable)
        wait_until(lambda: "the revocation list can be read again" in caplog.text)


def test_refresh_gives_up_if_another_thread_waits_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.revocations.UNAVAILABLE_AFTER", 0.2)
    source = RevocationSource()
    source.delay_seconds = 2.0
    revocations = RevocationList(source, UNLIMITED)
    waiting = Thread(target=revocations.refresh)
    waiting.start()
    wait_until(lambda: source.requests != [])
    with pytest.raises(DatabaseUnavailable):
        revocations.refresh()
    waiting.join()
