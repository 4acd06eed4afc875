"""The database is frozen: it accepts queries and does not respond. Requests that need it do not block the others."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.conftest import new_database
from tests.servers.gunicorn import gunicorn
from tests.servers.postgres import cluster
from tests.servers.process import wait_until
from tests.servers.workers import Response, Server, send_request
from tests.support.stores import user_table
from tests.support.users import ZOE, SampleUser

STORED = SampleUser("stored", "stored@example.org", "the password of a stored user")
"""A user of the frozen database."""


def serves_logins_without_database(server: Server) -> bool:
    """Return whether a login succeeds without the database. The first logins still wait for it."""
    body = {"email": ZOE.email, "password": ZOE.password}
    with closing(server.connect()) as connection, suppress(TimeoutError):
        connection.timeout = 2
        return send_request(connection, "POST", "/api/auth", body=body).status == 200
    return False


def revocations_that_wait(address: str, token: str) -> int:
    """Return how many of some concurrent revocations at /oauth/revoke have no response while the database is frozen."""
    form = urlencode({"client_id": "mobile", "token": token}).encode()

    def revoke(_: int) -> bool:
        try:
            with urlopen(f"{address}/oauth/revoke", form, timeout=4):  # noqa: S310 - the test's own server
                return False
        except HTTPError as error:
            with error:
                return error.code != 503
        except TimeoutError:
            return True

    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(revoke, range(8)))


def test_logins_and_guarded_routes_work_and_sessions_recover(static_environ: dict[str, str]) -> None:
    def log_in(_: int = 0) -> dict[str, object]:
        return server.log_in(ZOE.email, ZOE.password).body

    def log_in_to_database(_: int = 0) -> Response:
        return server.log_in(STORED.email, STORED.password)

    def concurrently(send: Callable[[int], Response], count: int) -> Counter[int]:
        return Counter(response.status for response in threads.map(send, range(count)))

    with TemporaryDirectory() as home, cluster(Path(home)) as database, ThreadPoolExecutor(16) as threads:
        sessions = user_table(new_database(database.url, "sessions"), [STORED])["DATABASE_URL"]
        environ = {**static_environ, "AUTH_PROVIDER": "static,database", "DATABASE_URL": sessions}
        with gunicorn({**environ, "OAUTH_CLIENTS": "mobile"}) as address:
            server = Server(address, workers=1)
            first = log_in()
            assert server.request("GET", "/api/protected_route", str(first["data"])).status == 200
            assert concurrently(log_in_to_database, 8) == {200: 8}  # so the process has several open connections
            with database.frozen():
                # A client waits for a minute at most.
                assert concurrently(log_in_to_database, 16) == {503: 16}
                wait_until(lambda: serves_logins_without_database(server), 120)
                assert server.refresh(str(first["refresh_token"])).code == "sessions_unavailable"
                assert revocations_that_wait(address, str(first["refresh_token"])) == 0
                logins = list(threads.map(log_in, range(32)))
                assert {frozenset(login) for login in logins} == {
                    frozenset({"status", "data", "token_type", "expires_in"})
                }
                assert server.request("GET", "/api/protected_route", str(logins[0]["data"])).status == 200
            wait_until(lambda: "refresh_token" in log_in(), 60)
            wait_until(lambda: server.refresh(str(first["refresh_token"])).status == 200, 60)
            wait_until(lambda: log_in_to_database().status == 200, 60)
