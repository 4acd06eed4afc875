"""How the revocations in memory follow the database, through outages and forks."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from database.errors import DatabaseUnavailable
from services.sessions.errors import SessionsUnavailable
from services.sessions.revocations import RevocationList
from tests.servers.process import wait_until
from tests.support.revocations import NEVER, Source, claims, revocation


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.revocations.POLL_INTERVAL", 0.05)


def test_nothing_is_fetched_until_somebody_asks_and_then_only_what_is_new() -> None:
    source = Source(revocation(ended="first"))
    revocations = RevocationList(source, NEVER)
    assert source.asked == []
    assert revocations.is_revoked(claims(jti="first"))
    source.end("second")
    revocations.refresh()
    assert revocations.is_revoked(claims(jti="second"))
    assert source.asked[:2] == [0, source.rows[0].id]


def test_a_question_fetches_nothing_by_itself() -> None:
    source = Source()
    revocations = RevocationList(source, NEVER)
    for _ in range(1000):
        assert not revocations.is_revoked(claims())
    assert len(source.asked) < 100


@pytest.mark.usefixtures("_quick")
def test_what_is_new_is_known_soon_without_a_question() -> None:
    source = Source()
    revocations = RevocationList(source, NEVER)
    assert not revocations.is_revoked(claims())
    source.end("a token")
    wait_until(lambda: revocations.is_revoked(claims()))


@pytest.mark.usefixtures("_quick")
def test_in_the_end_everything_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(revocation(ended="a token"))
    revocations = RevocationList(source, NEVER)
    assert revocations.is_revoked(claims())
    source.rows.clear()
    wait_until(lambda: len(source.asked) > 2)
    assert revocations.is_revoked(claims())
    monkeypatch.setattr("services.sessions.revocations.FULL_READ_INTERVAL", 0.0)
    wait_until(lambda: not revocations.is_revoked(claims()))


@pytest.mark.usefixtures("_quick")
def test_an_outage_is_lived_through_for_as_long_as_is_trusted() -> None:
    source = Source(revocation(ended="a token"))
    patient, hasty = RevocationList(source, NEVER), RevocationList(source, 0.5)
    assert patient.is_revoked(claims())
    wait_until(lambda: knows(hasty))
    source.out = True
    wait_until(lambda: not knows(hasty))
    assert (patient.is_revoked(claims()), patient.is_revoked(claims(jti="another"))) == (True, False)
    source.end("another")
    source.out = False
    wait_until(lambda: knows(hasty))
    wait_until(lambda: patient.is_revoked(claims(jti="another")))


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    revocations = RevocationList(source, NEVER)
    assert not revocations.is_revoked(claims())
    source.out = True
    asked = len(source.asked)
    wait_until(lambda: len(source.asked) > asked + 2)
    assert caplog.text.count("the revocation list cannot be read; the last one stays in force: it is out") == 1


def knows(revocations: RevocationList) -> bool:
    try:
        revocations.is_revoked(claims())
    except SessionsUnavailable:
        return False
    return True


@pytest.mark.usefixtures("_quick")
def test_who_never_knew_says_so_at_once_until_they_know(caplog: pytest.LogCaptureFixture) -> None:
    source = Source(revocation(ended="a token"))
    source.out = True
    revocations = RevocationList(source, 300.0)
    with pytest.raises(SessionsUnavailable):
        revocations.is_revoked(claims())
    wait_until(lambda: len(source.asked) > 2)
    with pytest.raises(DatabaseUnavailable):
        revocations.refresh()
    assert not knows(revocations)
    assert caplog.text.count("the revocation list cannot be read") == 1
    source.out = False
    wait_until(lambda: knows(revocations))
    assert revocations.is_revoked(claims())


def test_many_first_questions_at_once_are_all_answered_and_fetched_for_once() -> None:
    source = Source(revocation(ended="a token"))
    source.seconds = 0.2
    revocations = RevocationList(source, 300.0)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(revocations.is_revoked, claims()) for _ in range(8)]
        assert [answer.result(60) for answer in answers] == [True] * 8
    assert source.asked.count(0) == 1


def followers() -> set[Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "revocations"}


@pytest.mark.usefixtures("_quick")
def test_its_thread_ends_with_it() -> None:
    others = followers()
    revocations = RevocationList(Source(), NEVER)
    revocations.is_revoked(claims())
    (thread,) = followers() - others
    assert thread.daemon
    del revocations
    gc.collect()
    wait_until(lambda: not thread.is_alive())


def in_a_fork(succeeds: Callable[[], bool]) -> bool:
    """Say whether it succeeds in a child of this process, which has only the one thread."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            os._exit(0 if succeeds() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.usefixtures("_quick")
def test_it_goes_on_after_a_fork() -> None:
    source = Source()
    revocations = RevocationList(source, NEVER)
    assert not revocations.is_revoked(claims())

    def follows() -> bool:
        source.end("a token")
        wait_until(lambda: revocations.is_revoked(claims()))
        return True

    assert in_a_fork(follows)


@pytest.mark.usefixtures("_quick")
def test_a_fork_that_asks_late_waits_for_what_is_known_now() -> None:
    source = Source(revocation(ended="a token"))
    revocations = RevocationList(source, 0.5)
    wait_until(lambda: knows(revocations))

    def waits() -> bool:
        time.sleep(0.7)
        source.seconds = 0.1
        return revocations.is_revoked(claims())

    assert in_a_fork(waits)


def test_a_fork_in_the_middle_of_a_fetch_fetches_for_itself() -> None:
    source = Source(revocation(ended="a token"))
    source.seconds = 1.0
    revocations = RevocationList(source, NEVER)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(revocations.refresh)
        wait_until(lambda: bool(source.asked))

        def fetches() -> bool:
            revocations.refresh()
            return revocations.is_revoked(claims())

        assert in_a_fork(fetches)


@pytest.mark.usefixtures("_quick")
def test_nobody_need_wait_for_a_database_that_has_not_answered_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("services.sessions.revocations.UNAVAILABLE_AFTER", 0.5)
    source = Source()
    revocations = RevocationList(source, NEVER)
    assert not revocations.is_unavailable
    source.out = True
    wait_until(lambda: revocations.is_unavailable)
    source.out = False
    with caplog.at_level("INFO"):
        wait_until(lambda: not revocations.is_unavailable)
        wait_until(lambda: "the revocation list can be read again" in caplog.text)


def test_who_cannot_have_the_database_for_somebody_who_waits_for_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.sessions.revocations.UNAVAILABLE_AFTER", 0.2)
    source = Source()
    source.seconds = 2.0
    revocations = RevocationList(source, NEVER)
    waiting = Thread(target=revocations.refresh)
    waiting.start()
    wait_until(lambda: source.asked != [])
    with pytest.raises(DatabaseUnavailable):
        revocations.refresh()
    waiting.join()
