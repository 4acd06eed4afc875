"""Concurrent searches at `/api/users?search=` are limited, because a search of a large table is slow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from sqlalchemy import Engine, event

from api.users import MAX_SEARCHES
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.sessions import bearer
from tests.support.users_api import SQLITE_ONLY, Admin, admin_at


@contextmanager
def slow_searches(finish: Event) -> Iterator[list[str]]:
    """Let each search wait for `finish`. Yield the list of those that have begun."""
    begun: list[str] = []

    def wait(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if " LIKE " in statement:
            begun.append(statement)
            finish.wait(60)

    event.listen(Engine, "before_cursor_execute", wait)
    yield begun
    event.remove(Engine, "before_cursor_execute", wait)


@pytest.fixture
def admin(users_environ: dict[str, str]) -> Admin:
    return admin_at(users_environ)


@SQLITE_ONLY
def test_slow_searches_do_not_occupy_all_threads(admin: Admin) -> None:
    def search(path: str = "/api/users?search=zo") -> int:
        return admin.client.application.test_client().get(path, headers=bearer(admin.access)).status_code

    finish = Event()
    with slow_searches(finish) as begun, ThreadPoolExecutor(MAX_SEARCHES) as threads:
        try:
            running = [threads.submit(search) for _ in range(MAX_SEARCHES)]
            wait_until(lambda: len(begun) == MAX_SEARCHES, 60)
            response = admin.client.get("/api/users?search=zo", headers=bearer(admin.access))
            assert error_message(response, 503, "overloaded") == "Too many concurrent requests"
            assert search("/api/users") == 200
        finally:
            finish.set()
        assert [search.result() for search in running] == [200] * MAX_SEARCHES
    assert search() == 200
