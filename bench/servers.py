"""The whole service behind gunicorn with its shipped configuration, and behind granian: rates, CPU time and memory.

Each has one worker for each core, and as many threads. The rounds are interleaved. A busy machine changes the rates,
but hardly the CPU time of the workers for each request.
"""

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.rates import Rate, measure_rate
from bench.wsgi import METRICS
from config.resources import available_cores
from config.settings import Settings
from services.chain import MAX_LOOKUPS
from services.factory import max_concurrent_logins
from tests.servers.gunicorn import gunicorn
from tests.servers.workers import children, cpu_seconds, resident_memory
from tests.servers.wsgi_servers import wsgi_server
from tests.support.stores import user_table
from tests.support.users import ZOE

CLIENTS = 8
PERIODS = 5
PERIOD_SECONDS = 3.0
CORES = available_cores()
JSON = {"Content-Type": "application/json"}


class Service:
    """A running service, and what its clients do."""

    def __init__(self, url: str, processes: list[int], clients: int = CLIENTS) -> None:
        self._address = urlsplit(url).netloc
        self.processes = processes
        self._tokens = {client: self._log_in(self._connect()) for client in range(clients)}

    def guarded(self, client: int, connection: http.client.HTTPConnection) -> None:
        """Send a request to a guarded route."""
        headers = {"Authorization": f"Bearer {self._tokens[client]['data']}"}
        _exchange(connection, "GET", "/api/protected_route", None, headers)

    def login(self, _client: int, connection: http.client.HTTPConnection) -> None:
        """Log in."""
        self._log_in(connection)

    def refresh(self, client: int, connection: http.client.HTTPConnection) -> None:
        """Exchange a refresh token."""
        body = {"refresh_token": self._tokens[client]["refresh_token"]}
        self._tokens[client] = _exchange(connection, "POST", "/api/auth/refresh", body, JSON)

    def measure(self, kind: str, seconds: float = PERIOD_SECONDS) -> Rate:
        """Return how often in a second the clients do what the method of this name does."""
        work = getattr(self, kind)
        connections = [self._connect() for _ in self._tokens]
        rate = measure_rate(
            lambda client: work(client, connections[client]),
            len(connections),
            seconds,
            cpu_clock=lambda: cpu_seconds(self.processes),
        )
        for connection in connections:
            connection.close()
        return rate

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._address, timeout=60)

    def _log_in(self, connection: http.client.HTTPConnection) -> dict[str, str]:
        return _exchange(connection, "POST", "/api/auth", {"email": ZOE.email, "password": ZOE.password}, JSON)


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: object, headers: dict[str, str]
) -> dict[str, str]:
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    assert response.status == http.HTTPStatus.OK, content
    answer: dict[str, str] = json.loads(content)
    return answer


@contextmanager
def _running(server: str, folder: Path) -> Iterator[Service]:
    environ = {**user_table(f"sqlite:///{folder}/{server}.db", [ZOE]), **METRICS}
    before = set(children(os.getpid()))
    threads = max_concurrent_logins(Settings(environ)) + MAX_LOOKUPS + 16
    granian = wsgi_server("granian", environ, options=(f"--blocking-threads={threads}",), workers=CORES)
    with gunicorn(environ, CORES) if server == "gunicorn" else granian as url:
        (parent,) = set(children(os.getpid())) - before
        time.sleep(3)  # until all workers have started
        yield Service(url, children(parent))


def main() -> None:
    """Print the figures. The first argument is the number of rounds."""
    periods = int(sys.argv[1]) if len(sys.argv) > 1 else PERIODS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        services = {name: stack.enter_context(_running(name, folder)) for name in ("gunicorn", "granian")}
        for kind in ("guarded", "login", "refresh"):
            found: dict[str, list[Rate]] = {name: [] for name in services}
            for _ in range(periods):
                for name, service in services.items():
                    found[name].append(service.measure(kind))
            _print(kind, found)
        for name, service in services.items():
            print(f"{name:9} {resident_memory(service.processes):.0f} MiB in {CORES} workers")
    print(f"the load was {os.getloadavg()[0]:.1f}")


def _print(kind: str, found: dict[str, list[Rate]]) -> None:
    for name, rates in found.items():
        rate, cpu = (median(column) for column in zip(*rates, strict=True))
        ratio = median(own.cpu_seconds / other.cpu_seconds for own, other in zip(rates, found["gunicorn"], strict=True))
        print(f"{kind:8} {name:9} {rate:7.0f} a second; {1000 * cpu:.3f} ms of CPU time, {ratio:.2f} of gunicorn's")


if __name__ == "__main__":
    main()
