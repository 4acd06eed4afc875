"""How often clients do something in a second, each in a thread of its own."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def measure_rate(work: Callable[[int], object], clients: int, seconds: float) -> float:
    """Return how often in a second all clients together do the work, whose argument is the number of the client."""
    begin = time.perf_counter()

    def repeat(client: int) -> int:
        done = 0
        while time.perf_counter() < begin + seconds:
            work(client)
            done += 1
        return done

    with ThreadPoolExecutor(clients) as threads:
        done = sum(threads.map(repeat, range(clients)))
    return done / (time.perf_counter() - begin)
