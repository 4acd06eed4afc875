"""Logins compared with bare argon2id hashes, in this process: with one client, and with eight.

The bare hashes run in threads with the priority of the threads in which a login hashes, so that other programs disturb
both equally. The CPU time of a login includes its hash and the audit log, but not the client, whose requests are made
before. The best bare rate is that of any number of threads. The rounds are interleaved.
"""

import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from argon2.low_level import Type, verify_secret

from app import create_app
from audit.formats import formatter
from bench.rates import measure_rate
from bench.wsgi import METRICS, call, repeated_post
from passwords.hashing import hash_password, lower_priority
from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE

ROUNDS = 100
CLIENTS = 8
PERIODS = 7
PERIOD_SECONDS = 2.0
THREADS = (1, 2, 3, 4, 8)

Work = Callable[[int], object]
"""A hash or a login of the client of this number."""


@dataclass
class Figures:
    """The figures of the rounds: of one client in seconds, or of several in works a second."""

    cpu: list[float] = field(default_factory=list)
    """The CPU time of the process for one work, in seconds."""
    clock: list[float] = field(default_factory=list)


def main() -> None:
    """Print the ratios. The first argument is the number of rounds with one client."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    log = logging.FileHandler(os.devnull)
    log.setFormatter(formatter("text"))
    logging.basicConfig(level=logging.INFO, handlers=[log])
    with TemporaryDirectory() as folder, TemporaryDirectory() as home, postgres_server.postgres(Path(home)) as url:
        stores = {
            "static": users_file(Path(folder, "users.toml"), [ZOE]),
            "sqlite": user_table(f"sqlite:///{folder}/users.db", [ZOE]),
            "postgresql": user_table(new_database(url, "logins"), [ZOE]),
        }
        logins = {name: _login(environ) for name, environ in stores.items()}
        _print_one_client(logins, rounds)
        print(f"a commit of SQLite, of one row, waits {1000 * _commit_seconds(Path(folder)):.2f} ms")
        _print_many_clients(logins)


def _bare_hash() -> Work:
    stored = hash_password(ZOE.password).encode()
    secret = ZOE.password.encode()
    return lambda _client: verify_secret(stored, secret, Type.ID)


def _login(environ: dict[str, str]) -> Work:
    app = create_app({**environ, "SECRET_KEY": SECRET_KEY, **METRICS})
    new_request = repeated_post("/api/auth", {"email": ZOE.email, "password": ZOE.password})

    def log_in(_client: int) -> None:
        status, body = call(app, new_request())
        assert status.startswith("200"), body

    return log_in


def _print_one_client(logins: dict[str, Work], rounds: int) -> None:
    works = {"bare": _bare_hash(), **logins}
    figures = {name: Figures() for name in works}
    with ThreadPoolExecutor(1, initializer=lower_priority) as hashing, ThreadPoolExecutor(1) as serving:
        for _ in range(rounds):
            for name, work in works.items():
                thread = serving if name in logins else hashing
                thread.submit(_measure, work, figures[name]).result()
    bare = figures.pop("bare")
    print(
        f"one client   bare argon2id: {1000 * median(bare.cpu):.2f} ms of CPU time, {1000 * median(bare.clock):.2f} ms"
    )
    for name, found in figures.items():
        cpu, clock = (median(a) / median(b) for a, b in ((bare.cpu, found.cpu), (bare.clock, found.clock)))
        besides = 1000 * (median(found.cpu) - median(bare.cpu))
        print(
            f"one client   {name:12} {cpu:.3f} of its rate by CPU time, {clock:.3f} by the clock; "
            f"{besides:.2f} ms of CPU time besides the hash"
        )


def _measure(work: Work, figures: Figures) -> None:
    clock, cpu = time.perf_counter(), time.process_time()
    work(0)
    figures.cpu.append(time.process_time() - cpu)
    figures.clock.append(time.perf_counter() - clock)


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


def _print_many_clients(logins: dict[str, Work]) -> None:
    bare = _bare_hash()
    kinds = {f"bare, {number} threads": (bare, number) for number in THREADS}
    kinds |= {name: (work, CLIENTS) for name, work in logins.items()}
    figures = {name: Figures() for name in kinds}
    for _ in range(PERIODS):
        for name, (work, threads) in kinds.items():
            rate, cpu = measure_rate(
                work, threads, PERIOD_SECONDS, prepare_thread=None if name in logins else lower_priority
            )
            figures[name].clock.append(rate)
            figures[name].cpu.append(cpu)
    best, best_cpu = max((median(figures[name].clock), median(figures[name].cpu)) for name in kinds.keys() - logins)
    for name, found in figures.items():
        rate, cpu = median(found.clock), median(found.cpu)
        print(
            f"{CLIENTS} clients    {name:18} {rate:6.1f} a second, {rate / best:.3f} of the best bare rate; "
            f"{1000 * cpu:.2f} ms of CPU time each, {best_cpu / cpu:.3f} of that rate by CPU time"
        )
    print(f"the load was {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
