"""A directory is frozen or killed while logins wait for it: each is 503, guarded routes respond, and logins recover."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.slapd import slapd, started
from tests.servers.workers import Server
from tests.support.users import SAMPLE_USERS, ZOE

TIMEOUT_SECONDS = 2
LOGINS = 12
MAX_LINES = 20
"""For the whole test: the reasons of a few logins, and not a line for each of them."""


def readiness(server: Server) -> dict[str, Any]:
    response = server.request("GET", "/health/ready")
    assert response.status == 200
    return response.body


def test_logins_that_wait_are_503_and_the_next_ones_succeed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        directory = stack.enter_context(slapd(tmp_path))
        for user in SAMPLE_USERS:
            directory.add_person(user)
        environ = directory.environ(LDAP_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS))
        output = stack.enter_context(log.open("wb"))
        server = Server(stack.enter_context(gunicorn(environ, log=output)), workers=1)
        threads = stack.enter_context(ThreadPoolExecutor(LOGINS))
        token = server.log_in(ZOE.email, ZOE.password).body["data"]

        def log_in(number: int) -> int:
            """Log in with a wrong password, or with the right one."""
            user = SAMPLE_USERS[number % len(SAMPLE_USERS)]
            wrong = replace(user, password="not the password of this user")
            return server.log_in(user.email, (wrong if number % 3 == 0 else user).password).status

        def signal_directory(number: int) -> None:
            os.kill(int((tmp_path / "slapd.pid").read_text()), number)

        def has_recovered() -> bool:
            return Counter(threads.map(log_in, range(LOGINS))) == {200: 8, 400: 4}

        wait_until(has_recovered, 60)
        signal_directory(signal.SIGSTOP)
        assert Counter(threads.map(log_in, range(LOGINS))) == {503: LOGINS}
        assert server.request("GET", "/api/protected_route", token).status == 200
        assert readiness(server)["unavailable"] == ["ldap"]
        signal_directory(signal.SIGCONT)
        wait_until(has_recovered, 60)
        signal_directory(signal.SIGSTOP)
        waiting = [threads.submit(log_in, number) for number in range(LOGINS)]
        signal_directory(signal.SIGKILL)
        assert Counter(login.result() for login in waiting) == {503: LOGINS}
        assert Counter(threads.map(log_in, range(LOGINS))) == {503: LOGINS}
        stack.enter_context(started(directory))
        wait_until(has_recovered, 60)
        assert "unavailable" not in readiness(server)
    lines = [line for line in log.read_text().splitlines() if " ERROR " in line or " WARNING " in line]
    assert 0 < len(lines) <= MAX_LINES, lines
