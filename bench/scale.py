"""A login and the administrator's queries, with ten million users compared with a hundred."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from sqlalchemy import Engine

from bench.databases import PASSWORD, create_filled, servers
from database.user_editor import UserEditor
from database.user_filter import UserFilter
from database.user_table import UserTable
from providers.sql.provider import open_database
from services.hash_statistics import HashCount, HashStatistics
from tests.support.stores import engine_of

FEW, MANY = 100, 10_000_000
LOGINS = 300
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
            _compare_logins(kind, environs)
            for name, operation in OPERATIONS.items():
                _print_times(kind, name, {count: _time(operation, environ) for count, environ in environs.items()})


def _compare_logins(kind: str, environs: dict[int, dict[str, str]]) -> None:
    providers = {count: open_database(environ) for count, environ in environs.items()}
    for clock, name in CLOCKS.items():
        times: dict[int, list[float]] = {count: [] for count in providers}
        for _ in range(LOGINS):
            for count, provider in providers.items():
                start = clock()
                assert provider.authenticate("zoe@example.com", PASSWORD)
                times[count].append(clock() - start)
        few, many = (1000 * median(times[count]) for count in providers)
        print(f"{kind:12} login: {few:.2f} ms {name} with few users, {many:.2f} ms with many: ratio {many / few:.3f}")


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
