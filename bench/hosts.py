"""Two processes with a shared PostgreSQL and Redis behind nginx, compared with one.

Each process has the same budget of CPU time, a part of a core. PostgreSQL, Redis, nginx and the clients have other
cores. So the processes are the limit, if they use their budget, which is printed too. Two processes have twice the
clients. The periods of one and of two alternate.

Where the kernel does not enforce a budget, each process has a core, which PostgreSQL and the clients need too. Then the
CPU time of each request is the measure: two processes do twice the work of one if it does not rise.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.cpu_budget import can_enforce_budgets, cpu_budget, on_core
from bench.rates import Rate
from bench.servers import CLIENTS, Service
from bench.wsgi import METRICS
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port
from tests.servers.redis import redis_server
from tests.servers.reverse_proxies import reverse_proxy
from tests.servers.workers import Server
from tests.support.stores import user_table
from tests.support.users import ZOE

PERIODS = 9
PERIOD_SECONDS = 5.0
HAS_BUDGETS = can_enforce_budgets()
BUDGET = 0.15 if HAS_BUDGETS else 1.0
"""The budget of each process, in cores.

It is small because on a machine with two cores both processes share one of them. If they often ran at the same time,
they would displace each other from its caches, as two hosts do not.
"""
_SITE = """
location / {{ proxy_pass http://latchkey; proxy_http_version 1.1; proxy_set_header Connection ""; }}
}}
upstream latchkey {{ {servers} keepalive 32;
"""


class Hosts(Service):
    """Processes behind nginx, and what their clients do."""

    _mix = cycle(["login", *["refresh", *["guarded"] * 19] * 5])

    def mixed(self, client: int, connection: HTTPConnection) -> None:
        """Send what is next: one login, five refreshes and 95 guarded requests in turn."""
        getattr(self, next(self._mix))(client, connection)


@contextmanager
def _process(environ: dict[str, str], core: int) -> Iterator[tuple[str, list[int]]]:
    """Run the service with one worker on one core; yield its URL and its processes."""
    budget = cpu_budget(BUDGET, core) if HAS_BUDGETS else nullcontext(on_core(core))
    with budget as prefix, gunicorn(environ, 1, prefix=prefix) as url:
        server = Server(url, workers=1)
        yield url, [server.master, *server.workers()]


@contextmanager
def _behind_nginx(processes: list[tuple[str, list[int]]]) -> Iterator[Hosts]:
    servers = " ".join(f"server {urlsplit(url).netloc};" for url, _ in processes)
    with reverse_proxy("nginx", {"hosts": _SITE.format(servers=servers)}, path="/health/live") as (site,):
        ids = [number for _, of_process in processes for number in of_process]
        yield Hosts(f"http://127.0.0.1:{site.port}", ids, len(processes) * CLIENTS)


def _cores() -> tuple[list[int], list[int]]:
    """Return the cores of the processes, one or two, and those of everything else."""
    cores = sorted(os.sched_getaffinity(0))
    if not HAS_BUDGETS:
        return cores[:2], cores
    own = cores[:-1][:2] or cores
    return own, cores[len(own) :] or cores


def main() -> None:
    """Print the ratios. The first argument is the number of rounds."""
    periods = int(sys.argv[1]) if len(sys.argv) > 1 else PERIODS
    if not HAS_BUDGETS:
        print("This process may not create a cgroup with a quota, so only the figures by CPU time count")
    own, others = _cores()
    os.sched_setaffinity(0, others)
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server.postgres(Path(stack.enter_context(TemporaryDirectory()))))
        redis = stack.enter_context(redis_server(free_port()))
        environ = {**user_table(new_database(url, "hosts"), [ZOE]), **METRICS, "THROTTLE_STORAGE_URL": redis}
        processes = [stack.enter_context(_process(environ, core)) for core in (own[0], own[-1])]
        services = [stack.enter_context(_behind_nginx(processes[:count])) for count in (1, 2)]
        for kind in ("guarded", "login", "refresh", "mixed"):
            rounds = [[service.measure(kind, PERIOD_SECONDS) for service in services] for _ in range(periods)]
            _print(kind, rounds)
    print(f"the load was {os.getloadavg()[0]:.1f}")


def _print(kind: str, pairs: list[list[Rate]]) -> None:
    """Print the medians of the rates of one and of two processes, and of their ratios."""
    for number, rates in enumerate(zip(*pairs, strict=True), 1):
        used = median(rate.per_second * rate.cpu_seconds / (number * BUDGET) for rate in rates)
        print(f"{kind:8} {number}: {median(rate.per_second for rate in rates):6.1f} a second, {used:.2f} of the budget")
    ratios = [two.per_second / one.per_second for one, two in pairs]
    work = 2 / median(two.cpu_seconds / one.cpu_seconds for one, two in pairs)
    times = f"{median(ratios):.2f} times one ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{kind:8} two: {times}; by CPU time {work:.2f} times")


if __name__ == "__main__":
    main()
