"""A semaphore that serves its waiters in the order of their arrival."""

from collections import deque
from threading import Event, Lock


class FairSemaphore:
    """Like `threading.Semaphore`, but first come, first served. Thread-safe.

    A thread that releases a `threading.Semaphore`, and acquires it again immediately, overtakes the threads that wait.
    """

    def __init__(self, value: int) -> None:
        """`value` is the number of threads that can hold the semaphore."""
        self._free = value
        self._lock = Lock()
        self._waiters: deque[Event] = deque()

    def acquire(self, timeout: float) -> bool:
        """Return whether the semaphore was acquired within `timeout` seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = Event()
            self._waiters.append(turn)
        try:
            turn.wait(timeout)
        except BaseException:
            if self._stop_waiting(turn):
                self.release()
            raise
        return self._stop_waiting(turn)

    def release(self) -> None:
        """Give way to the thread that has waited longest."""
        with self._lock:
            if self._waiters:
                self._waiters.popleft().set()
            else:
                self._free += 1

    def _stop_waiting(self, turn: Event) -> bool:
        """Return whether the turn came, perhaps only after the timeout."""
        with self._lock:
            if not turn.is_set():
                self._waiters.remove(turn)
            return turn.is_set()
