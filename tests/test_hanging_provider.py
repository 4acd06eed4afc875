"""A custom provider that hangs: excess requests are 503, all others are served, and the log names the provider."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from passwords.hashing import CAPACITY
from services.chain import MAX_LOOKUPS
from tests.servers.gunicorn import ROOT, gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Response, Server
from tests.support.custom_providers import write
from tests.support.stores import HIGH_LIMITS, user_table

# While the file `hanging` exists, each call waits, and adds a line to the file `waiting`.
HANGING = """
    import os
    import time
    from pathlib import Path

    class Hanging:
        def __init__(self, environ):
            self._folder = Path(environ["FOLDER"])

        def authenticate(self, login, password):
            return self.find(login)

        def find(self, username):
            if (self._folder / "hanging").exists():
                with (self._folder / "waiting").open("a") as file:
                    file.write("one more\\n")
                while (self._folder / "hanging").exists():
                    time.sleep(0.05)
            return {"username": username, "email": None, "roles": ["user"]}
"""
PROVIDER = "hanging:Hanging"
LOGINS = 110


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with one worker and the threads of a deployment, whose log is in the file `log`."""
    write(tmp_path, "hanging", HANGING)
    environ = {
        **user_table(f"sqlite:///{tmp_path}/users.db", []),
        **HIGH_LIMITS,
        "AUTH_PROVIDER": PROVIDER,
        "FOLDER": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
        "GUNICORN_CMD_ARGS": f"--capture-output --error-logfile {tmp_path}/log",
    }
    with gunicorn(environ) as url:
        yield Server(url, workers=1)


@contextmanager
def hanging(folder: Path) -> Iterator[None]:
    """Let the provider hang in this block."""
    (folder / "hanging").touch()
    try:
        yield
    finally:
        (folder / "hanging").unlink()


def waiting_calls(folder: Path) -> int:
    path = folder / "waiting"
    return len(path.read_text().splitlines()) if path.exists() else 0


def log_lines(folder: Path, text: str) -> list[str]:
    return [line for line in (folder / "log").read_text().splitlines() if text in line]


def rejected(responses: list[Future[Response]]) -> Counter[tuple[int, str, str | None]]:
    """Return the finished responses and how often each occurs."""
    results = [response.result() for response in responses if response.done()]
    return Counter((result.status, result.code, result.retry_after) for result in results)


def assert_serves_other_requests(server: Server, token: str) -> None:
    assert server.request("GET", "/health/live").status == 200
    assert server.request("GET", "/health/ready").status == 200
    assert server.request("GET", "/api/protected_route", token).status == 200


def test_hanging_provider_does_not_stop_other_requests_and_is_logged_once(server: Server, tmp_path: Path) -> None:
    login = server.log_in("zoe", "any password").body
    with ThreadPoolExecutor(LOGINS) as threads:
        with hanging(tmp_path):
            responses = [threads.submit(server.log_in, "zoe", "any password") for _ in range(LOGINS)]
            wait_until(lambda: sum(response.done() for response in responses) == LOGINS - CAPACITY, 60)
            assert rejected(responses) == {(503, "overloaded", "1"): LOGINS - CAPACITY}
            wait_until(lambda: waiting_calls(tmp_path) == CAPACITY, 60)
            assert_serves_other_requests(server, str(login["data"]))
            wait_until(lambda: bool(log_lines(tmp_path, "has not responded")), 60)
            (line,) = log_lines(tmp_path, "has not responded")
            assert line.endswith(f"the provider {PROVIDER} has not responded for 10 seconds, which is its time limit")
        assert {response.result().status for response in responses} == {200, 503}
    assert server.log_in("zoe", "any password").status == 200
    (again,) = log_lines(tmp_path, "responds again")
    assert f": the provider {PROVIDER} responds again (request " in again
    assert len(log_lines(tmp_path, "has not responded")) == 1


def test_lookups_of_a_hanging_provider_do_not_stop_other_requests(server: Server, tmp_path: Path) -> None:
    logins = [server.log_in("zoe", "any password").body for _ in range(3 * MAX_LOOKUPS)]
    with ThreadPoolExecutor(len(logins)) as threads:
        with hanging(tmp_path):
            responses = [threads.submit(server.refresh, str(login["refresh_token"])) for login in logins]
            wait_until(lambda: sum(response.done() for response in responses) == 2 * MAX_LOOKUPS, 60)
            assert rejected(responses) == {(503, "overloaded", "1"): 2 * MAX_LOOKUPS}
            assert_serves_other_requests(server, str(logins[0]["data"]))
        assert Counter(response.result().status for response in responses) == {503: 2 * MAX_LOOKUPS, 200: MAX_LOOKUPS}


@pytest.mark.parametrize(("threads", "warnings"), [(21, 0), (20, 1), (1, 1)])
def test_start_warns_about_fewer_threads_than_logins_and_lookups_can_occupy(
    static_environ: dict[str, str], tmp_path: Path, threads: int, warnings: int
) -> None:
    arguments = f"--threads {threads} --error-logfile {tmp_path}/log"
    with gunicorn(
        {**static_environ, "LOGIN_CONCURRENCY": "4", "GUNICORN_CMD_ARGS": arguments}, log_level="warning"
    ) as url:
        assert Server(url, workers=1).request("GET", "/health/live").status == 200
    warning = "threads, and 4 logins and 16 lookups of a slow provider can occupy all of them: set --threads to 36"
    assert len(log_lines(tmp_path, f"has {threads} {warning}")) == warnings
