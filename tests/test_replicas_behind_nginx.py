"""Two replicas with PostgreSQL and Redis behind nginx: a reload and a stop lose no request, and a kill no session.

The throttle and the revocation list are shared.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPException, IncompleteRead

import pytest

from tests.conftest import new_migrated_database
from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port, wait_until
from tests.servers.redis import redis_server
from tests.servers.reverse_proxies import reverse_proxy
from tests.servers.workers import Response, Server, send_request
from tests.support.busy_clients import BusyClient, busy, wait_for_requests
from tests.support.newcomer import block
from tests.support.stores import user_table
from tests.support.users import SAMPLE_USERS, ZOE

LIMIT = 3
"""How many logins of an account may fail from one address."""
CLIENTS = 4
REQUESTS = 15
"""How many requests each client sends, at least, before and after something happens to a replica."""


class Replicas:
    """Two replicas behind nginx."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ
        self._stacks = [ExitStack(), ExitStack()]
        self.ports = [free_port(), free_port()]
        self.servers = [self.start(0), self.start(1)]
        self.proxy_port = 0

    def start(self, number: int) -> Server:
        port = self.ports[number]
        return Server(self._stacks[number].enter_context(gunicorn(self._environ, workers=2, port=port)), workers=2)

    def stop(self, number: int) -> None:
        """Stop a replica as an orchestrator does, with SIGTERM."""
        self._stacks[number].close()

    def kill(self, number: int) -> None:
        """Kill all processes of a replica."""
        for process in (self.servers[number].master, *self.servers[number].workers()):
            os.kill(process, signal.SIGKILL)

    def request(self, method: str, path: str, token: str = "", body: object = None) -> Response:
        """Send a request to nginx over a new connection."""
        with closing(HTTPConnection("127.0.0.1", self.proxy_port, timeout=60)) as connection:
            return send_request(connection, method, path, token, body)

    def log_in(self, user: str, password: str) -> Response:
        return self.request("POST", "/api/auth", body={"email": user, "password": password})


class Client(BusyClient):
    """A client that calls a guarded route and refreshes its session, in turn, without pause."""

    def __init__(self, replicas: Replicas, number: int) -> None:
        super().__init__()
        user = SAMPLE_USERS[number]
        self.replicas = replicas
        self.tokens = replicas.log_in(user.username, user.password).body
        self.lost_refreshes = 0
        self.incomplete_responses = 0
        self.failures: list[object] = []

    def run(self) -> None:
        while not self.stop.is_set():
            self.call()
            self.refresh()
            self.sent += 1

    def call(self) -> None:
        try:
            response = self.replicas.request("GET", "/api/auth/me", self.tokens["data"])
        except IncompleteRead:
            self.incomplete_responses += 1
        except (OSError, HTTPException, ValueError) as error:  # a ValueError is an error page of nginx
            self.failures.append(error)
        else:
            if response.status != 200:
                self.failures.append(response)

    def refresh(self) -> None:
        body = {"refresh_token": self.tokens["refresh_token"]}
        try:
            response = self.replicas.request("POST", "/api/auth/refresh", body=body)
        except IncompleteRead:
            self.incomplete_responses += 1
            return
        except ValueError:
            self.lost_refreshes += 1
            return
        if response.status == 200:
            self.tokens = response.body
        elif response.code != "refresh_in_progress":
            self.failures.append(response)


@pytest.fixture(scope="module")
def replicas(postgres: str) -> Iterator[Replicas]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(free_port()))
        environ = user_table(new_migrated_database(postgres, "balanced"), SAMPLE_USERS)
        environ |= {"THROTTLE_STORAGE_URL": redis, "LOGIN_FAILURES_PER_ACCOUNT": f"{2 * LIMIT}/hour"}
        running = Replicas(environ)
        for number in (0, 1):
            stack.callback(running.stop, number)
        (at,) = stack.enter_context(reverse_proxy("nginx", {"replicas": site(running.ports)}, {}, "/health/live"))
        running.proxy_port = at.port
        yield running


def site(ports: list[int]) -> str:
    """Return the configuration of a site, and of the servers behind it, which are outside the block of the site."""
    upstream = block("docs/deployment.md", "nginx", "upstream")
    for host, port in enumerate(ports, 1):
        upstream = upstream.replace(f"10.0.0.{host}:8000", f"127.0.0.1:{port}")
    return f"location / {{ proxy_pass http://latchkey; }}\n}}\n{upstream.strip().removesuffix('}')}"


def test_reload_and_restart_of_a_replica_drop_no_request(replicas: Replicas) -> None:
    clients = [Client(replicas, number) for number in range(CLIENTS)]
    with busy(clients):
        wait_for_requests(clients, REQUESTS)
        replicas.servers[0].replace_workers()
        wait_for_requests(clients, REQUESTS)
        replicas.stop(1)
        wait_for_requests(clients, REQUESTS)
        replicas.servers[1] = replicas.start(1)
        wait_for_requests(clients, REQUESTS)
    assert [(client.failures, client.incomplete_responses) for client in clients] == [([], 0)] * CLIENTS
    # As in test_stops_under_load.py; nginx does not repeat a POST on a connection that was reset.
    assert sum(client.lost_refreshes for client in clients) <= 1


def test_killed_replica_loses_no_session(replicas: Replicas) -> None:
    clients = [Client(replicas, number) for number in range(CLIENTS)]
    with busy(clients):
        wait_for_requests(clients, REQUESTS)
        replicas.kill(0)
        wait_for_requests(clients, REQUESTS)
    replicas.stop(0)
    replicas.servers[0] = replicas.start(0)
    # nginx repeats a GET at the other replica, and a POST only if it was not sent.
    assert [client.failures for client in clients] == [[]] * CLIENTS
    # One for each worker that is killed: a response ends where the worker ends, also between its header and its body.
    assert max(client.lost_refreshes + client.incomplete_responses for client in clients) <= 2


def test_logout_at_one_replica_is_known_at_both(replicas: Replicas) -> None:
    token = replicas.log_in(ZOE.username, ZOE.password).body["data"]
    assert replicas.servers[0].request("DELETE", "/api/auth", token).status == 200

    def is_revoked_everywhere() -> bool:
        answers = [answer for server in replicas.servers for answer in server.request_each_worker(token)]
        return {answer.code for answer in answers} == {"revoked_token"}

    wait_until(is_revoked_everywhere, 60)


def test_failed_logins_at_both_replicas_are_counted_together(replicas: Replicas) -> None:
    statuses = [server.log_in("a stranger", "wrong").status for _ in range(LIMIT) for server in replicas.servers]
    assert statuses == [400] * LIMIT + [429] * LIMIT
