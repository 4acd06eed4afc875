"""Behind each WSGI server: login, guard, refresh, reuse of a refresh token, and a logout that all workers see."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.servers.gunicorn import gunicorn
from tests.servers.numbered_workers import HEADER
from tests.servers.process import listens, wait_until
from tests.servers.wsgi_servers import SINGLE_PROCESS, WSGI_SERVERS, wsgi_server
from tests.support.session_rows import age_rotations, wait_for_delivery
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE

SERVICE = "tests.servers.numbered_workers:create_app"


class Client:
    """A client of a service. Each request is a new connection."""

    def __init__(self, url: str, workers: int) -> None:
        self._url = url
        self._workers = workers

    def post(self, path: str, **body: str) -> requests.Response:
        return requests.post(f"{self._url}{path}", json=body, timeout=60)

    def log_in(self) -> requests.Response:
        return self.post("/api/auth", email=ZOE.email, password=ZOE.password)

    def refresh(self, tokens: requests.Response) -> requests.Response:
        return self.post("/api/auth/refresh", refresh_token=tokens.json()["refresh_token"])

    def guard(self, tokens: requests.Response) -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens.json()['data']}"}
        return requests.get(f"{self._url}/api/protected_route", headers=headers, timeout=60)

    def wait_for_each_worker(self, tokens: requests.Response, status: int) -> None:
        """Wait until the guard of each worker has responded with this status, and none with another one since."""
        agreed: set[str] = set()

        def all_agree() -> bool:
            with ThreadPoolExecutor(4) as pool:
                responses = [*pool.map(self.guard, [tokens] * 4)]
            if {response.status_code for response in responses} == {status}:
                agreed.update(response.headers[HEADER] for response in responses)
            else:
                agreed.clear()
            return len(agreed) == self._workers

        wait_until(all_agree)


@pytest.mark.parametrize("name", WSGI_SERVERS)
def test_each_worker_behind_a_server_refuses_what_another_one_ended(name: str, tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    workers = 1 if name in SINGLE_PROCESS else 2
    with wsgi_server(name, environ, SERVICE, workers=workers) as url:
        client = Client(url, workers)
        first = client.log_in()
        assert (first.status_code, first.json()["token_type"]) == (200, "Bearer")
        client.wait_for_each_worker(first, 200)
        second = client.refresh(first)
        assert second.status_code == 200
        wait_for_delivery(engine_of(environ), first.json()["refresh_token"])
        age_rotations(engine_of(environ), LOST_RESPONSE_TIMEOUT)
        spent = client.refresh(first)
        assert (spent.status_code, spent.json()["code"]) == (400, "invalid_refresh_token")
        assert client.refresh(second).status_code == 400
        client.wait_for_each_worker(second, 401)
    assert not listens(int(url.rpartition(":")[2]))


def test_gunicorn_reports_no_version(static_environ: dict[str, str]) -> None:
    with gunicorn(static_environ) as url:
        response = requests.get(f"{url}/health/live", timeout=60)
        assert response.headers["Server"] == "gunicorn"
        assert not re.search(r"\d+\.\d+", f"{response.headers} {response.text}")
