"""A semaphore that serves its waiters in the order of their arrival."""

from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from providers.ldap.client.fair_semaphore import FairSemaphore
from tests.servers.process import wait_until


def wait_for_waiters(semaphore: FairSemaphore, number: int) -> None:
    """Wait until this number of threads wait for the semaphore."""
    wait_until(lambda: len(semaphore._waiters) == number)  # noqa: SLF001


def test_first_waiter_is_first_although_the_holder_asks_again_immediately() -> None:
    semaphore, served = FairSemaphore(1), list[str]()
    assert semaphore.acquire(0)

    def acquire(name: str) -> None:
        assert semaphore.acquire(60)
        served.append(name)
        semaphore.release()

    threads = []
    for number, name in enumerate(("first", "second", "third"), 1):
        threads.append(Thread(target=acquire, args=(name,)))
        threads[-1].start()
        wait_for_waiters(semaphore, number)
    semaphore.release()
    acquire("holder")
    for thread in threads:
        thread.join()
    assert served == ["first", "second", "third", "holder"]


def test_waiter_that_gives_up_loses_no_place() -> None:
    semaphore = FairSemaphore(1)
    assert semaphore.acquire(0)
    assert not semaphore.acquire(0.01)
    semaphore.release()
    assert semaphore.acquire(0)
    assert not semaphore.acquire(0)


@pytest.mark.parametrize("size", [1, 3])
def test_no_more_threads_than_places_hold_it(size: int) -> None:
    semaphore, holders, most = FairSemaphore(size), list[int](), list[int]()

    def hold(number: int) -> None:
        if semaphore.acquire(60 if number % 4 else 0.0001):
            holders.append(number)
            most.append(len(holders))
            holders.remove(number)
            semaphore.release()

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(hold, range(2000)))
    assert max(most) <= size
    assert all(semaphore.acquire(0) for _ in range(size))
    assert not semaphore.acquire(0)
