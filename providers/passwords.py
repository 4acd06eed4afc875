"""Password hashes: one policy, and in a process as many at once as there are cores."""

import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from passlib.context import CryptContext
from passlib.hash import argon2

from providers.interface import Overloaded

log = logging.getLogger(__name__)

# The OWASP minimum for argon2id; `type` and the costs are explicit because libpass' defaults differ.
_policy = CryptContext(
    schemes=["argon2"],
    argon2__type="ID",
    argon2__memory_cost=19456,
    argon2__time_cost=2,
    argon2__parallelism=1,
)
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

    def run(self, work: Callable[[], bool]) -> bool:
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


def is_password_hash(text: str) -> bool:
    """Say whether `verify_password` can use this text."""
    try:
        return bool(argon2.from_string(text).type == "id")
    except (ValueError, TypeError):
        return False


def hash_password(password: str) -> str:
    """Return the hash to store, by the current policy: a PHC string with its own salt."""
    hashed: str = _policy.hash(password)
    return hashed


def generate_password() -> str:
    """Return a new random password of 120 bits, without a character that a shell or JSON would mind."""
    return secrets.token_urlsafe(15)


def verify_password(password: str, stored: str | None) -> bool:
    """Say whether the password made the stored hash; `None` takes as long and is never right.

    A hash that cannot be read proves nobody, and is logged. Raises Overloaded. Thread-safe.
    """
    return _pool.run(lambda: _verify(password, _DECOY if stored is None else stored)) and stored is not None


def _verify(password: str, stored: str) -> bool:
    try:
        return bool(_policy.verify(password, stored))
    except (ValueError, TypeError) as error:  # libpass' words for a malformed hash and a password it cannot take
        log.warning("a stored password hash cannot be used: %s", type(error).__name__)
        _policy.verify(password, _DECOY)  # for the time it takes
        return False
