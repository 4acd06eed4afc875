"""A full hash pool."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from passwords.errors import Overloaded
from passwords.hashing import CAPACITY, _pool


def fill_hash_pool(threads: ThreadPoolExecutor, release: Event) -> set[Future[bool]]:
    """Occupy the whole pool until `release` is set, and return the futures of the calls that occupy it.

    `threads` must have CAPACITY + 1 threads.
    """
    calls = [threads.submit(_pool.run, lambda: release.wait(60)) for _ in range(CAPACITY + 1)]
    done, waiting = wait(calls, timeout=60, return_when=FIRST_COMPLETED)
    (rejected,) = done
    assert isinstance(rejected.exception(), Overloaded)
    return waiting
