"""The guard with each algorithm: seen and new tokens, and each kind of refusal, in-process.

The ratios are to a plain Flask route, and for `new` and `spoilt` also to PyJWT by hand. The rounds are interleaved.
"""

import logging
import os
import random
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from services.keys.directory import KeyDirectory
from tests.support.counted_requests import Case, cases, require_expected
from tests.support.stores import SECRET_KEY, user_table
from tests.support.users import ZOE

ALGORITHMS = ("HS256", "EdDSA", "ES256", "RS256")
ROUNDS = 30
REQUESTS = 100
"""In each round."""


def main() -> None:
    """Print the ratios. The arguments are algorithms, by default all."""
    logging.disable(logging.WARNING)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with TemporaryDirectory() as folder:
        for algorithm in sys.argv[1:] or ALGORITHMS:
            environ = environment(Path(folder, algorithm), algorithm)
            print_ratios(algorithm, measure(cases(environ, (ROUNDS + 1) * REQUESTS)))


def environment(folder: Path, algorithm: str) -> dict[str, str]:
    """Return the environment of a service with sessions, revocation, throttle, audit log and metrics in a new folder.

    Its threads read the folder until the process ends.
    """
    folder.mkdir()
    environ = user_table(f"sqlite:///{folder}/users.db", [ZOE])
    environ |= {"SECRET_KEY": SECRET_KEY, "METRICS_TOKEN": SECRET_KEY[::-1]}
    if algorithm != "HS256":
        keys = folder / "keys"
        keys.mkdir(mode=0o700)
        KeyDirectory(keys).add(algorithm)
        environ["SIGNING_KEYS_DIR"] = str(keys)
    return environ


def measure(compared: dict[str, Case]) -> dict[str, list[float]]:
    """Return the CPU seconds of this thread for a request, by case and round."""
    del compared["login"], compared["refresh"]  # a hash and a database take much longer than the rest
    require_expected(compared)
    return {
        name: list(times) for name, *times in zip(compared, *(_round(compared) for _ in range(ROUNDS)), strict=True)
    }


def _round(compared: dict[str, Case]) -> list[float]:
    """Return the seconds of each case, in another order each time: a case has an effect on the next one."""
    seconds = {name: _time(compared[name]) for name in random.sample([*compared], len(compared))}
    return [seconds[name] for name in compared]


def _time(send: Case) -> float:
    begin = time.thread_time()
    for _ in range(REQUESTS):
        send()
    return (time.thread_time() - begin) / REQUESTS


def print_ratios(algorithm: str, times: dict[str, list[float]]) -> None:
    """Print the median of the ratios of the rounds for each case."""
    print(f"{algorithm}: a plain route takes {1e6 * median(times['plain']):.0f} µs")
    for name, seconds in times.items():
        by_hand = times.get(f"{name} by hand")
        of_hand = f", to PyJWT by hand {ratio(seconds, by_hand):.2f}" if by_hand else ""
        print(f"  {name:16} {ratio(seconds, times['plain']):5.2f}{of_hand}")


def ratio(times: list[float], others: list[float]) -> float:
    """Return the median ratio."""
    return median(own / other for own, other in zip(times, others, strict=True))


if __name__ == "__main__":
    main()
