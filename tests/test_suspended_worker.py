"""A worker that was suspended accepts no token that was revoked meanwhile."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from services.sessions.revocations import POLL_INTERVAL
from tests.servers.gunicorn import gunicorn
from tests.servers.workers import Server
from tests.support.sessions import client_of, log_out
from tests.support.stores import user_table
from tests.support.users import ZOE


@contextmanager
def suspended(process: int, seconds: float) -> Iterator[None]:
    """Suspend the process during the block, and for at least this time, as a hypervisor or an operator does."""
    os.kill(process, signal.SIGSTOP)
    suspended_at = time.monotonic()
    try:
        yield
        time.sleep(max(0.0, suspended_at + seconds - time.monotonic()))
    finally:
        os.kill(process, signal.SIGCONT)


def test_first_requests_after_a_suspension_see_the_revocation(tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    other_process = client_of(environ)

    def guard_error(token: str) -> str:
        return server.request("GET", "/api/protected_route", token).code

    with gunicorn(environ) as url, ThreadPoolExecutor(12) as clients:
        server = Server(url, workers=1)
        (worker,) = server.workers()
        for _ in range(2):
            token = server.log_in(ZOE.email, ZOE.password).body["data"]
            assert guard_error(token) == ""
            with suspended(worker, 3 * POLL_INTERVAL):
                assert log_out(other_process, token).status_code == 200
                errors = clients.map(guard_error, [token] * 12)
            assert {*errors} == {"revoked_token"}
