"""The disk is full, or another process locks the database: each write is 503 and changes nothing, and it heals."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import requests

from database.user_table import UserTable
from tests.servers.gunicorn import gunicorn
from tests.servers.workers import Server
from tests.support.api_client import ApiClient
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE, SampleUser

MAX = SampleUser("Max", "max@example.org", "the password of an ordinary user")
NEW_PASSWORD = "lampshade quarry violin 9"
Fault = Callable[[int, Path], AbstractContextManager[None]]


@contextmanager
def full_disk(worker: int, _database: Path) -> Iterator[None]:
    """Let the worker write no more bytes to files."""
    soft, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def other_writer(_worker: int, database: Path) -> Iterator[None]:
    """Hold the lock of a write transaction."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("fault", [full_disk, other_writer])
def test_failed_write_is_503_and_changes_nothing(tmp_path: Path, fault: Fault) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE, MAX])
    users = UserTable(engine_of(environ))
    log = tmp_path / "log"
    environ["GUNICORN_CMD_ARGS"] = f"--capture-output --error-logfile {log}"
    with gunicorn(environ) as url, ThreadPoolExecutor(8) as threads:
        client = ApiClient(url)
        admin, user = client.log_in(ZOE), client.log_in(MAX)
        before = users.require(MAX.username)
        passwords = {"password": MAX.password, "new_password": NEW_PASSWORD}
        new_user = {"username": "new", "password": NEW_PASSWORD}
        writes: list[Callable[[], requests.Response]] = [
            lambda: client.send("POST", "/api/auth/refresh", refresh_token=user["refresh_token"]),
            lambda: client.send("DELETE", "/api/auth", user["data"]),
            lambda: client.send("POST", "/api/auth/password", user["data"], **passwords),
            lambda: client.send("PATCH", f"/api/users/{before.id}", admin["data"], roles=["user", "admin"]),
            lambda: client.send("POST", "/api/users", admin["data"], **new_user),
        ]
        (worker,) = Server(url, workers=1).workers()
        with fault(worker, tmp_path / "users.db"):
            login = threads.submit(client.log_in, MAX)
            responses = [*threads.map(lambda write: write(), writes * 2)]
            assert {response.status_code for response in responses} == {503}
            assert all("Retry-After" in response.headers for response in responses)
            assert "refresh_token" not in login.result()
            assert client.send("GET", "/api/protected_route", user["data"]).status_code == 200
        assert users.require(MAX.username) == before
        assert users.find("new") is None
        assert log.read_text().count(" failed: ") <= 2
        assert client.send("GET", "/api/protected_route", user["data"]).status_code == 200
        assert [write().status_code for write in writes] == [200, 200, 401, 200, 201]
        assert "refresh_token" in client.log_in(MAX)
