"""A login and the administrator's queries, with ten million users compared with a hundred."""

import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from statistics import median

from sqlalchemy import Engine

from bench.databases import PASSWORD, create_filled, servers
from database.user_editor import UserEditor
from database.user_filter import UserFilter
from database.user_table import UserTable
from providers.sql.provider import DatabaseProvider, open_database
from services.hash_statistics import HashCount, HashStatistics
from tests.support.stores import engine_of

FEW, MANY = 100, 10_000_000
REPETITIONS = 300
CLOCKS = {time.process_time: "of CPU time", time.perf_counter: "by the clock"}


def _count_hashes(engine: Engine) -> list[HashCount]:
    statistics = HashStatistics()
    for hashes in UserTable(engine).password_hashes():
        statistics.add(hashes)
    return statistics.counts()


OPERATIONS: dict[str, Callable[[Engine], object]] = {
    "list": lambda engine: UserTable(engine).page(UserFilter(), 100),
    "list, next page": lambda engine: UserTable(engine).page(UserFilter(), 100, "user05000000"),
    "list, by creation": lambda engine: UserTable(engine).page(UserFilter(sort="created", reverse=True), 100),
    "list --role user": lambda engine: UserTable(engine).page(UserFilter(role="user"), 100),
    "list --role editor": lambda engine: UserTable(engine).page(UserFilter(role="editor"), 100),
    "list --role admin": lambda engine: UserTable(engine).page(UserFilter(role="admin"), 100),
    "list --disabled": lambda engine: UserTable(engine).page(UserFilter(active=False), 100),
    "list --search, many": lambda engine: UserTable(engine).page(UserFilter(search="99"), 100),
    "list --search, one": lambda engine: UserTable(engine).page(UserFilter(search="zoe@example"), 100),
    "add a role": lambda engine: _editor(engine).change(
        "user00000042", lambda row: replace(row, roles=(*row.roles, "admin"))
    ),
    "disable": lambda engine: _editor(engine).set_active("user00000042", False),
    "hash-report": _count_hashes,
}


def _editor(engine: Engine) -> UserEditor:
    return UserEditor(engine, "bench")


def main() -> None:
    """Run the benchmark: the arguments are the number of users, ten million by default, and the kinds of databases."""
    many, kinds = int(sys.argv[1]) if len(sys.argv) > 1 else MANY, sys.argv[2:]
    with servers() as base_urls:
        for kind, base_url in base_urls.items():
            if kinds and kind not in kinds:
                continue
            environs = {count: create_filled(kind, base_url, count) for count in (FEW, many)}
            providers = {count: open_database(environ) for count, environ in environs.items()}
            _compare(kind, "login", {count: partial(_log_in, provider) for count, provider in providers.items()})
            finds = {count: partial(_find_random, provider, count) for count, provider in providers.items()}
            _compare(kind, "find a random user", finds)
            for name, operation in OPERATIONS.items():
                _print_times(kind, name, {count: _time(operation, environ) for count, environ in environs.items()})


def _compare(kind: str, name: str, works: Mapping[int, Callable[[], object]]) -> None:
    """Print the duration of the work at each number of users. The works alternate."""
    for clock, of_clock in CLOCKS.items():
        times: dict[int, list[float]] = {count: [] for count in works}
        for _ in range(REPETITIONS):
            for count, work in works.items():
                start = clock()
                work()
                times[count].append(clock() - start)
        few, many = (1000 * median(times[count]) for count in works)
        print(
            f"{kind:12} {name}: {few:.3f} ms {of_clock} with few users, {many:.3f} ms with many: {many / few:.3f} times"
        )


def _log_in(provider: DatabaseProvider) -> None:
    assert provider.authenticate("zoe@example.com", PASSWORD)


def _find_random(provider: DatabaseProvider, count: int) -> None:
    assert provider.has_username(f"user{1 + secrets.randbelow(count):08}")


def _time(operation: Callable[[Engine], object], environ: dict[str, str]) -> float:
    engine = engine_of(environ)
    start = time.perf_counter()
    operation(engine)
    return time.perf_counter() - start


def _print_times(kind: str, name: str, times: dict[int, float]) -> None:
    print(
        f"{kind:12} {name:22}"
        + "".join(f"{count:>14,} users: {1000 * seconds:9.1f} ms" for count, seconds in times.items())
    )


if __name__ == "__main__":
    main()
