"""Password hashing with the current policy, and verification, with a limited number of concurrent hashes."""

import logging
import os
import secrets
import sys
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from time import perf_counter
from typing import Any, TypeVar

from audit.operation import timed
from config.forks import reset_in_forks
from passwords.concurrency_limit import ConcurrencyLimit
from passwords.durations import record_verification
from passwords.errors import UnusableHash
from passwords.hash_threads import HASH_MEMORY_KIB, hash_thread_count
from passwords.schemes import needs_rehash, parse

log = logging.getLogger(__name__)

T = TypeVar("T")


def _random_base64(size: int) -> str:
    return b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()


# The OWASP minimum for argon2id.
_PASSES, _LANES = 2, 1
# A random digest needs neither a hash computation nor libpass when the process starts.
DECOY = f"$argon2id$v=19$m={HASH_MEMORY_KIB},t={_PASSES},p={_LANES}${_random_base64(16)}${_random_base64(32)}"
"""A hash with the current policy that no password matches."""

# More concurrent hash computations than cores would slow each other down, and each needs 19 MiB of memory.
HASH_THREADS = hash_thread_count()
"""The maximum number of hashes that a process computes concurrently."""
_QUEUE_LENGTH = 16
CAPACITY = HASH_THREADS + _QUEUE_LENGTH
"""The maximum number of logins that a process accepts concurrently.

A server needs more threads, so that some remain for other requests.
"""


_LOWER_PRIORITY = 10
"""What is added to the nice value of threads that compute hashes, so that other requests get a core first."""


class _HashPool:
    """Computes hashes on HASH_THREADS threads, with a limited queue. Thread-safe."""

    def __init__(self) -> None:
        self.slots = ConcurrencyLimit(CAPACITY)
        reset_in_forks(self._reset)

    def _reset(self) -> None:
        """Replace the threads with new ones. A fork inherits the pool without its threads."""
        self._threads = ThreadPoolExecutor(HASH_THREADS, "hash", _prepare_thread)

    def run(self, work: Callable[[], T]) -> T:
        """Return the result of `work`. Raises Overloaded if the queue is full."""
        with self.slots, timed("hash"):
            return self._threads.submit(work).result()


def _prepare_thread() -> None:
    _policy()  # so that the duration of a verification does not include the import of libpass
    lower_priority()


def lower_priority() -> None:
    """Give the current thread the priority of those that compute hashes."""
    if sys.platform == "linux":  # elsewhere, a nice value belongs to the whole process
        with suppress(OSError):
            os.nice(_LOWER_PRIORITY)


_pool = _HashPool()


def pending_hashes() -> int:
    """Return how many computations run or wait in this process. Thread-safe."""
    return _pool.slots.occupied


def run_in_pool(work: Callable[[], T]) -> T:
    """Return the result of `work`, which needs a core as hashes do, and must not wait. Raises Overloaded. Thread-safe.

    `work` must not call another function of this module that raises Overloaded.
    """
    return _pool.run(work)


@cache
def _policy() -> Any:
    # Imported with the first hash. The type and the costs are explicit because libpass has other defaults.
    from passlib.hash import argon2

    return argon2.using(type="ID", memory_cost=HASH_MEMORY_KIB, time_cost=_PASSES, parallelism=_LANES)


def hash_password(password: str) -> str:
    """Return a new hash of the password, with the current policy: a PHC string with a random salt. Raises Overloaded.

    Thread-safe.
    """
    return _pool.run(lambda: str(_policy().hash(password)))


def generate_password() -> str:
    """Return a new random password of 120 bits, without characters that are special in a shell or in JSON."""
    return secrets.token_urlsafe(15)


def verify_password(password: str, stored: str | None, decoy: str = DECOY) -> bool:
    """Return whether `stored` is a hash of the password.

    If `stored` is None, verify the hash `decoy`, which takes the time of a login, and return False. An unusable hash
    is logged and matches no password. Raises Overloaded. Thread-safe.
    """
    checked = decoy if stored is None else stored
    return _pool.run(lambda: _verify(password, checked)) and stored is not None


def upgraded_hash(password: str, stored: str) -> str | None:
    """Return a new hash of the password if it should replace the hash `stored`, which the password has matched.

    Return None if `stored` should stay: see `needs_rehash`. Raises Overloaded. Thread-safe.
    """
    return hash_password(password) if needs_rehash(password, stored) else None


def _verify(password: str, stored: str) -> bool:
    try:
        return _verify_measured(password, stored)
    except UnusableHash as error:
        log.warning("a login is denied because the stored password hash %s", error)
        _verify_measured(password, DECOY)  # so that the login takes as long as one with a wrong password
        return False


def _verify_measured(password: str, stored: str) -> bool:
    began = perf_counter()
    usable = parse(stored)
    matches = usable.matches(password)
    record_verification(password, usable.scheme, perf_counter() - began)
    return matches
