"""A login, and what an admin asks, with ten million users as with a hundred."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from sqlalchemy import Engine

from bench.filled import PASSWORD, filled, servers
from database.user_editor import UserEditor
from database.user_filter import UserFilter
from database.user_table import UserTable
from providers.sql.provider import open_database
from services.hash_statistics import HashCount, HashStatistics
from tests.support.stores import engine_of

FEW, MANY = 100, 10_000_000
LOGINS = 300


def _count_hashes(engine: Engine) -> list[HashCount]:
    statistics = HashStatistics()
    for hashes in UserTable(engine).password_hashes():
        statistics.add(hashes)
    return statistics.counts()


ASKED: dict[str, Callable[[Engine], object]] = {
    "list": lambda engine: _table(engine).users.page(UserFilter(), 100),
    "list, next page": lambda engine: _table(engine).users.page(UserFilter(), 100, "user05000000"),
    "list, by creation": lambda engine: _table(engine).users.page(UserFilter(sort="created", reverse=True), 100),
    "list --role user": lambda engine: _table(engine).users.page(UserFilter(role="user"), 100),
    "list --role editor": lambda engine: _table(engine).users.page(UserFilter(role="editor"), 100),
    "list --role admin": lambda engine: _table(engine).users.page(UserFilter(role="admin"), 100),
    "list --disabled": lambda engine: _table(engine).users.page(UserFilter(active=False), 100),
    "list --search, many": lambda engine: _table(engine).users.page(UserFilter(search="99"), 100),
    "list --search, one": lambda engine: _table(engine).users.page(UserFilter(search="zoe@example"), 100),
    "grant": lambda engine: _table(engine).change(
        "user00000042", lambda row: replace(row, roles=(*row.roles, "admin"))
    ),
    "disable": lambda engine: _table(engine).set_active("user00000042", False),
    "inventory": _count_hashes,
}


def _table(engine: Engine) -> UserEditor:
    return UserEditor(engine, "bench")


def main() -> None:
    """Compare; the number of users may be given."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with servers() as begins:
        for kind, begin in begins.items():
            environs = {count: filled(kind, begin, count) for count in (FEW, many)}
            _compare_logins(kind, environs)
            for name, ask in ASKED.items():
                _tell(kind, name, {count: _once(ask, environ) for count, environ in environs.items()})


def _compare_logins(kind: str, environs: dict[int, dict[str, str]]) -> None:
    providers = {count: open_database(environ) for count, environ in environs.items()}
    times: dict[int, list[float]] = {count: [] for count in providers}
    for _ in range(LOGINS):
        for count, provider in providers.items():
            began = time.perf_counter()
            assert provider.authenticate("zoe@example.com", PASSWORD)
            times[count].append(time.perf_counter() - began)
    few, many = (median(times[count]) for count in providers)
    print(
        f"{kind:12} login: {1000 * few:.2f} ms with few users, {1000 * many:.2f} ms with many: ratio {many / few:.3f}"
    )


def _once(ask: Callable[[Engine], object], environ: dict[str, str]) -> float:
    engine = engine_of(environ)
    began = time.perf_counter()
    ask(engine)
    return time.perf_counter() - began


def _tell(kind: str, name: str, times: dict[int, float]) -> None:
    print(
        f"{kind:12} {name:22}"
        + "".join(f"{count:>14,} users: {1000 * taken:9.1f} ms" for count, taken in times.items())
    )


if __name__ == "__main__":
    main()
