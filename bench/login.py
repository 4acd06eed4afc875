"""Logins compared with bare argon2id hashes, in this process: with one client, and with eight.

With one client, the ratio is of CPU time; the commit of SQLite waits for the disk, and its time is printed. With eight,
it is of rates, and the best bare rate is that of any number of threads. The rounds are interleaved.
"""

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from argon2.low_level import Type, verify_secret

from app import create_app
from bench.rates import measure_rate
from bench.wsgi import METRICS, call_json, post
from passwords.hashing import hash_password
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE

ROUNDS = 100
CLIENTS = 8
PERIODS = 7
PERIOD_SECONDS = 2.0
THREADS = (1, 2, 3, 4, 8)

Work = Callable[..., object]


def main() -> None:
    """Print the ratios. The first argument is the number of rounds with one client."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as folder, TemporaryDirectory() as home, postgres_server.postgres(Path(home)) as url:
        stores = {
            "static": users_file(Path(folder, "users.toml"), [ZOE]),
            "sqlite": user_table(f"sqlite:///{folder}/users.db", [ZOE]),
            "postgresql": user_table(new_database(url, "logins"), [ZOE]),
        }
        bare = _bare()
        logins = {name: _login(environ) for name, environ in stores.items()}
        _print_one_client(bare, logins, rounds)
        print(f"a commit of SQLite, of one row, waits {1000 * _commit_seconds(Path(folder)):.2f} ms")
        _print_many_clients(bare, logins)


def _bare() -> Work:
    stored = hash_password(ZOE.password).encode()
    secret = ZOE.password.encode()
    return lambda *_client: verify_secret(stored, secret, Type.ID)


def _login(environ: dict[str, str]) -> Work:
    app = create_app({**environ, "SECRET_KEY": SECRET_KEY, **METRICS})
    credentials = {"email": ZOE.email, "password": ZOE.password}
    return lambda *_client: call_json(app, post("/api/auth", credentials))


def _print_one_client(bare: Work, logins: dict[str, Work], rounds: int) -> None:
    works = {"bare": bare, **logins}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            times[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_bare, wall_bare = (median(pair[kind] for pair in times["bare"]) for kind in (0, 1))
    print(f"one client   bare argon2id: {1000 * cpu_bare:.2f} ms of CPU time, {1000 * wall_bare:.2f} ms")
    for name in logins:
        cpu, wall = (median(pair[kind] for pair in times[name]) for kind in (0, 1))
        print(
            f"one client   {name:12} {cpu_bare / cpu:.3f} of its rate by CPU time, {wall_bare / wall:.3f} by the clock"
        )


def _commit_seconds(folder: Path) -> float:
    connection = sqlite3.connect(folder / "commits.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE t (n)"):
        connection.execute(statement)
    seconds = []
    for number in range(100):
        begin = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?)", [number])
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


def _print_many_clients(bare: Work, logins: dict[str, Work]) -> None:
    kinds = {**{f"bare, {number} threads": (bare, number) for number in THREADS}}
    kinds |= {name: (work, CLIENTS) for name, work in logins.items()}
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(PERIODS):
        for name, (work, threads) in kinds.items():
            rates[name].append(measure_rate(work, threads, PERIOD_SECONDS))
    medians = {name: median(found) for name, found in rates.items()}
    best = max(rate for name, rate in medians.items() if name not in logins)
    for name, rate in medians.items():
        print(f"{CLIENTS} clients    {name:18} {rate:6.1f} a second, {rate / best:.3f} of the best bare rate")
    print(f"the load was {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
