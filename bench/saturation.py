"""Benchmark the guarded routes while logins arrive at four times the rate that the cores can verify.

Gunicorn runs with the settings of a deployment, one worker for each core. The load comes from processes of their own,
at fixed rates. Idle periods and floods alternate, and the ratios compare neighbors.
"""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from config.resources import available_cores
from tests.servers.gunicorn import gunicorn
from tests.servers.workers import Server, resident_memory
from tests.support.open_loop import Result, get, post, send_at_rate
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS, ZOE

FLOOD_SECONDS = 60.0
IDLE_SECONDS = 30.0
PAIRS = 3
MAX_RATIO = 3
OVERLOAD = 4
FAST_LOGINS = 5
"""How many logins in a row have the speed of idle ones before it counts as full speed."""
GUARDED_RATE = 50.0  # a second
CORES = available_cores()
WRONG = "not the password of any user"
KNOWN = [post("/api/auth", json.dumps({"email": one.email, "password": WRONG})) for one in SAMPLE_USERS]
UNKNOWN = [post("/api/auth", json.dumps({"email": f"unknown{number}", "password": WRONG})) for number in range(10)]
VALID = post("/api/auth", json.dumps({"email": ZOE.email, "password": ZOE.password}))
LOGINS = [login for names in zip([VALID, *KNOWN], UNKNOWN, strict=True) for login in names]
"""Known and unknown names in turn, and one right password among twenty."""


def main() -> None:
    """Run the benchmark. The first argument is the number of pairs, 3 by default."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with _service() as (server, url), ProcessPoolExecutor(3, get_context("spawn")) as clients:
        bench = Saturation(server, url, clients)
        ratios = [bench.compare() for _ in range(pairs)]
    print(f"median ratio of the 99th percentiles: {median(ratios):.1f}, at most {MAX_RATIO} is the target")


@contextmanager
def _service() -> Iterator[tuple[Server, str]]:
    with TemporaryDirectory() as folder:
        environ = user_table(f"sqlite:///{folder}/users.db", SAMPLE_USERS)
        with Path(folder, "log").open("wb") as log, gunicorn(environ, CORES, log=log) as url:
            yield Server(url, CORES), url


class Saturation:
    """The measurements of one server."""

    def __init__(self, server: Server, url: str, clients: ProcessPoolExecutor) -> None:
        self._server = server
        self._url = url
        self._clients = clients
        self._guarded = [get("/api/protected_route", server.log_in(ZOE.email, ZOE.password).body["data"])]
        self._capacity = self._verified_logins_a_second()
        self._login_seconds = median(self._time_login() for _ in range(20))
        print(f"capacity {self._capacity:.0f} logins/s; an idle login takes {1000 * self._login_seconds:.0f} ms")

    def compare(self) -> float:
        """Print an idle period and a flood. Return the ratio of their 99th percentiles."""
        idle = self._measure_guarded(IDLE_SECONDS)
        flood = self._clients.submit(send_at_rate, self._url, LOGINS, OVERLOAD * self._capacity, FLOOD_SECONDS)
        guarded = self._clients.submit(send_at_rate, self._url, self._guarded, GUARDED_RATE, FLOOD_SECONDS)
        end = time.monotonic() + FLOOD_SECONDS
        time.sleep(FLOOD_SECONDS / 4)
        memory = [self._memory()]
        logins, loaded = flood.result(), guarded.result()
        memory.append(self._memory())
        self._wait_for_full_speed()
        recovery = time.monotonic() - end
        ratio = loaded.percentile(0.99) / idle.percentile(0.99)
        _print(f"idle    guarded {_describe(idle)}")
        _print(f"flood   guarded {_describe(loaded)}")
        _print(f"flood   logins  {_describe(logins)}")
        _print(
            f"memory {memory[0]:.0f} -> {memory[1]:.0f} MiB; full speed after {recovery:.1f} s; p99 ratio {ratio:.1f}"
        )
        return ratio

    def _measure_guarded(self, seconds: float) -> Result:
        return self._clients.submit(send_at_rate, self._url, self._guarded, GUARDED_RATE, seconds).result()

    def _verified_logins_a_second(self) -> float:
        """Return the rate of verified logins during a flood that surely exceeds it."""
        seconds = 5.0
        result = self._clients.submit(send_at_rate, self._url, LOGINS, 200.0 * CORES, seconds).result()
        return (len(result.statuses) - result.counts[503]) / (seconds + 0.5)

    def _time_login(self) -> float:
        begin = time.monotonic()
        self._server.log_in(ZOE.email, ZOE.password)
        return time.monotonic() - begin

    def _wait_for_full_speed(self) -> None:
        """Log in until the last logins took at most twice as long as before the flood."""
        fast = 0
        while fast < FAST_LOGINS:
            fast = fast + 1 if self._time_login() < 2 * self._login_seconds else 0

    def _memory(self) -> float:
        """Return the resident memory of all workers, in MiB."""
        return resident_memory(self._server.workers())


def _describe(result: Result) -> str:
    times = ", ".join(f"p{100 * share:.0f} {1000 * result.percentile(share):.1f} ms" for share in (0.5, 0.9, 0.99))
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(result.counts.items()))
    return f"{times}; {statuses}"


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
