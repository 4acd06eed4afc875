"""What a forked process must not share with its parent: locks, connections and the slots of waiting threads.

A process forks after it has handled requests if the application uses multiprocessing, or warms up before a server such
as gunicorn with `--preload` starts its workers. Of the threads of the parent, the child has only the one that forked.
"""

import os
from collections.abc import Callable
from threading import Lock
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

_functions: list[Callable[[], object]] = []
# Not WeakMethod, which raises exceptions when the interpreter exits.
_methods: "WeakKeyDictionary[object, Callable[[Any], object]]" = WeakKeyDictionary()


def reset_in_forks(reset: Callable[[], object]) -> None:
    """Call the function now, and in every forked process before its other code. Thread-safe.

    A bound method is called only while its object exists, and does not keep it alive. An object has one such method.
    """
    if isinstance(reset, MethodType):
        _methods[reset.__self__] = reset.__func__
    else:
        _functions.append(reset)
    reset()


class ForkSafeLock:
    """A `threading.Lock` that is free in a forked process, even if another thread of the parent held it."""

    def __init__(self) -> None:
        reset_in_forks(self._reset)

    def acquire(self, *, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire the lock, as `threading.Lock` does. Return whether it was acquired."""
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_exception: object) -> None:
        self._lock.release()

    def _reset(self) -> None:
        self._lock = Lock()


class ForkBarrier(ForkSafeLock):
    """A lock for the use of a library whose own locks a forked process cannot reset. A fork waits until it is free.

    It is created once for a library, because it exists until the process ends.
    """

    def __init__(self) -> None:
        super().__init__()
        os.register_at_fork(before=self.acquire, after_in_parent=self.release)


def _run_resets() -> None:
    for reset in _functions:
        reset()
    for owner, method in [*_methods.items()]:
        method(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_resets)
