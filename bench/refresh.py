"""Refreshes on PostgreSQL, which waits for the disk: their rate, with few sessions and with many, and expired rows.

The measure is the rate of bare commits in the same run: one UPDATE by the primary key of the same table, with pgbench
and as many connections. The service runs in this process, in one thread for each client.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import Engine, text

from app import create_app
from bench.databases import vacuum
from bench.rates import Rate, measure_rate
from bench.wsgi import call_json, post
from database.engine import limit_statements
from database.session_table import LOGINS_PER_PURGE
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.support.stores import SECRET_KEY, engine_of, user_table
from tests.support.users import ZOE

FEW, MANY = 1_000, 10_000_000
CLIENTS = 8
PERIODS = 7
PERIOD_SECONDS = 3.0
DURABLE = "-c fsync=on -c synchronous_commit=on -c full_page_writes=on"
_INSERT = """
INSERT INTO latchkey_sessions (id, token_hash, delivered, client_id, idp, username, username_folded, ends_at,
  expires_at, access_until, opened_at)
SELECT md5(n::text), md5(n::text) || md5((n + 1)::text), true, 'latchkey', 'database', 'user' || n, 'user' || n,
  now() + interval '{age}', now() + interval '{age}', now() + interval '{age}', now()
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS c(n)
"""
_UPDATE = """
\\set n random(1, 1000)
UPDATE latchkey_sessions SET token_hash = md5(random()::text) WHERE id = md5(:n::text);
"""


def main() -> None:
    """Print the rates. The first argument is the number of sessions, ten million by default."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as home, postgres_server.cluster(Path(home), DURABLE) as server:
        works: dict[str, Callable[[], Rate]] = {}
        for name, count in (("few", FEW), ("many", many)):
            environ = user_table(new_database(server.url, name), [ZOE])
            _fill(engine_of(environ), 1, count, "30 days")
            service = _Service(environ)
            works |= {f"bare, {name}": service.bare_rate, f"refresh, {name}": service.refresh_rate}
        _print_rates(works, many)
        _print_purge(service, many)


def _fill(engine: Engine, first: int, last: int, age: str) -> None:
    with engine.begin() as connection:
        limit_statements(connection, None)
        connection.execute(text(_INSERT.format(age=age)), {"first": first, "last": last})
    vacuum(engine.url.set(drivername="postgresql").render_as_string())


class _Service:
    """The service on a database with sessions, and its clients."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.engine = engine_of(environ)
        self._url = environ["DATABASE_URL"]
        self._app: Flask = create_app({**environ, "SECRET_KEY": SECRET_KEY})
        self._tokens = [self.log_in() for _ in range(CLIENTS)]

    def log_in(self) -> str:
        """Return a refresh token."""
        answer = call_json(self._app, post("/api/auth", {"email": ZOE.email, "password": ZOE.password}))
        return str(answer["refresh_token"])

    def refresh_rate(self) -> Rate:
        """Return the rate of the refreshes of all clients."""
        return measure_rate(self._refresh, CLIENTS, PERIOD_SECONDS)

    def _refresh(self, client: int) -> None:
        answer = call_json(self._app, post("/api/auth/refresh", {"refresh_token": self._tokens[client]}))
        self._tokens[client] = answer["refresh_token"]

    def bare_rate(self) -> Rate:
        """Return the rate of the commits of pgbench, which is another process."""
        address = urlsplit(self._url)
        options = ["-n", "-c", str(CLIENTS), "-j", "2", "-T", str(int(PERIOD_SECONDS)), "-f", "/dev/stdin"]
        where = ["-h", str(address.hostname), "-p", str(address.port), "-U", str(address.username), address.path[1:]]
        ended = subprocess.run(
            [_PGBENCH, *options, *where], input=_UPDATE, capture_output=True, text=True, check=True
        )  # fmt: skip
        (line,) = [line for line in ended.stdout.splitlines() if line.startswith("tps")]
        return Rate(float(line.split()[2]), 0.0)


_PGBENCH = str(max(Path("/usr/lib/postgresql").glob("*/bin/pgbench")))


def _print_rates(works: dict[str, Callable[[], Rate]], many: int) -> None:
    found: dict[str, list[Rate]] = {name: [] for name in works}
    for _ in range(PERIODS):
        for name, measure in works.items():
            found[name].append(measure())
    rates = {name: [rate.per_second for rate in measured] for name, measured in found.items()}
    bare = median(rates["bare, few"])
    for name, measured in found.items():
        cpu = 1000 * median(rate.cpu_seconds for rate in measured)
        own = f", {cpu:.2f} ms of CPU time of the service" if "refresh" in name else ""
        print(
            f"{name:14} {median(rates[name]):7.0f} a second, {median(rates[name]) / bare:.2f} of the bare commits{own}"
        )
    ratio = median(few / other for few, other in zip(rates["refresh, few"], rates["refresh, many"], strict=True))
    print(f"{FEW:,} sessions: {ratio:.3f} times the rate of {many:,}; the load was {os.getloadavg()[0]:.1f}")


def _print_purge(service: _Service, many: int) -> None:
    """Compare logins while there are expired sessions to delete with logins while there are none."""
    without = _login_seconds(service)
    _fill(service.engine, many + 1, many + 100_000, "-30 days")
    print(f"a login that deletes expired sessions takes {_login_seconds(service) / without:.3f} times as long")


def _login_seconds(service: _Service) -> float:
    """Return the time of as many logins as follow each other until one deletes expired sessions."""
    seconds = []
    for _ in range(50):
        begin = time.perf_counter()
        for _ in range(LOGINS_PER_PURGE):
            service.log_in()
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


if __name__ == "__main__":
    main()
