"""Two processes with a shared PostgreSQL and Redis behind nginx, compared with one: each is pinned to a core.

Two have twice the clients. On a machine with two cores, the database, nginx and the clients need these cores too. So
the CPU time of the processes for each request is the measure: two do twice the work of one if it does not rise. The
rate by the clock is printed too. A worker that waits for its clients needs more CPU time for each request, so the
figures are right only while the clients are not the limit.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.servers import CLIENTS, Service
from bench.wsgi import METRICS
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port, listens, running
from tests.servers.redis import redis_server
from tests.servers.workers import Server
from tests.support.stores import user_table
from tests.support.users import ZOE

PERIODS = 7
KINDS = ("guarded", "login", "refresh")
_NGINX = """
daemon off; worker_processes 1; pid {home}/pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  upstream service {{ {servers} keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@contextmanager
def _nginx(home: Path, urls: list[str]) -> Iterator[str]:
    """Run nginx in front of these services; yield its URL."""
    home.mkdir()
    port = free_port()
    servers = " ".join(f"server {urlsplit(url).netloc};" for url in urls)
    (home / "nginx.conf").write_text(_NGINX.format(home=home, port=port, servers=servers))
    process = subprocess.Popen(["nginx", "-p", str(home), "-c", str(home / "nginx.conf")])
    with running(process, lambda: listens(port)):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(environ: dict[str, str], core: int) -> Iterator[tuple[str, int]]:
    """Run a service with one worker on one core; yield its URL and the id of the worker."""
    with gunicorn(environ, 1) as url:
        (worker,) = Server(url, workers=1).workers()
        time.sleep(3)  # until the worker has started its threads
        for task in Path(f"/proc/{worker}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
        yield url, worker


def main() -> None:
    """Print the ratios. The first argument is the number of rounds."""
    periods = int(sys.argv[1]) if len(sys.argv) > 1 else PERIODS
    cores = sorted(os.sched_getaffinity(0))[:2]
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory()))
        database = stack.enter_context(TemporaryDirectory())
        url = stack.enter_context(postgres_server.postgres(Path(database)))
        redis = stack.enter_context(redis_server(free_port()))
        environ = {**user_table(new_database(url, "hosts"), [ZOE]), **METRICS, "THROTTLE_STORAGE_URL": redis}
        processes = [stack.enter_context(_process(environ, core)) for core in cores]
        services = {}
        for count in (1, 2):
            some = processes[:count]
            address = stack.enter_context(_nginx(home / str(count), [address for address, _ in some]))
            services[count] = Service(address, [worker for _, worker in some], count * CLIENTS)
        for kind in KINDS:
            _compare(kind, services, periods)
    print(f"the load was {os.getloadavg()[0]:.1f}")


def _compare(kind: str, services: dict[int, Service], periods: int) -> None:
    found: dict[int, list[tuple[float, float]]] = {count: [] for count in services}
    for _ in range(periods):
        for count, service in services.items():
            found[count].append(service.measure(getattr(service, kind)))
    rates = {count: median(rate for rate, _ in pairs) for count, pairs in found.items()}
    costs = median(two[1] / one[1] for one, two in zip(found[1], found[2], strict=True))
    print(
        f"{kind:8} one: {rates[1]:.0f} a second, two: {rates[2]:.0f}, {rates[2] / rates[1]:.2f} times; a request costs "
        f"{costs:.3f} times the CPU time, so two with a core each do {2 / costs:.2f} times the work of one"
    )


if __name__ == "__main__":
    main()
