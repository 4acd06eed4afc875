"""Password hashes: one policy, and in a process as many at once as there are cores."""

import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from passlib.hash import argon2

from passwords.errors import Overloaded
from passwords.schemes import UnusableHash, identify, needs_rehash, verify

log = logging.getLogger(__name__)

T = TypeVar("T")

# The OWASP minimum for argon2id; `type` and the costs are explicit because libpass' defaults differ.
_policy = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)
_DECOY = _policy.hash(secrets.token_urlsafe(32))

# More hashes at once than cores are slower together, and each takes 19 MiB. Who finds the queue full is
# told to come back rather than kept waiting.
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_QUEUE = 16
CAPACITY = _CORES + _QUEUE
"""How many logins a process takes in at once. A server needs more threads than that, for all else."""


class _HashPool:
    """Runs hashes on a thread for each core, and refuses to queue without end."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin anew, with threads of this process."""
        self._threads = ThreadPoolExecutor(_CORES, thread_name_prefix="hash")
        self._places = BoundedSemaphore(CAPACITY)

    def run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Overloaded
        try:
            return self._threads.submit(work).result()
        finally:
            self._places.release()


_pool = _HashPool()


# A forked server worker inherits the pool without its threads, and would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.renew)


def is_policy_hash(text: str) -> bool:
    """Say whether a hash is of the kind that the policy makes, at whatever cost."""
    try:
        return identify(text).scheme == "argon2id"
    except UnusableHash:
        return False


def hash_password(password: str) -> str:
    """Return the hash to store, by the current policy: a PHC string with its own salt. Raises Overloaded."""
    return _pool.run(lambda: str(_policy.hash(password)))


def generate_password() -> str:
    """Return a new random password of 120 bits, without a character that a shell or JSON would mind."""
    return secrets.token_urlsafe(15)


def verify_password(password: str, stored: str | None, decoy: str | None = None) -> bool:
    """Say whether the password made the stored hash; `None` takes as long as the decoy and is never right.

    Without a decoy that is what a hash of the policy takes. A hash that cannot be read proves nobody, and is logged.
    Raises Overloaded. Thread-safe.
    """
    checked = stored or decoy or _DECOY
    return _pool.run(lambda: _verify(password, checked)) and stored is not None


def upgraded_hash(password: str, stored: str) -> str | None:
    """Return the hash that is to take the place of one that this password has proven; `None` if that is to stay.

    Raises Overloaded. Thread-safe.
    """
    return hash_password(password) if needs_rehash(password, stored) else None


def _verify(password: str, stored: str) -> bool:
    try:
        return verify(password, stored)
    except UnusableHash as error:
        log.warning("a login is denied because the stored password hash %s", error)
        verify(password, _DECOY)  # for the time it takes
        return False
