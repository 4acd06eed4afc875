"""How often clients do something in a second, each in a thread of its own."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple


class Rate(NamedTuple):
    """How often something was done."""

    per_second: float
    cpu_seconds: float
    """The CPU time of the server for each."""


def measure_rate(
    work: Callable[[int], object],
    clients: int,
    seconds: float,
    *,
    prepare_thread: Callable[[], object] | None = None,
    cpu_clock: Callable[[], float] = time.process_time,
) -> Rate:
    """Return how often in a second all clients together do the work, whose argument is the number of the client.

    `prepare_thread` is called in the thread of each client before it begins. `cpu_clock` returns the CPU time of the
    server, by default of this process.
    """
    with ThreadPoolExecutor(clients, initializer=prepare_thread) as threads:
        begin, cpu = time.perf_counter(), cpu_clock()

        def repeat(client: int) -> int:
            done = 0
            while time.perf_counter() < begin + seconds:
                work(client)
                done += 1
            return done

        done = sum(threads.map(repeat, range(clients)))
        return Rate(done / (time.perf_counter() - begin), (cpu_clock() - cpu) / done)
