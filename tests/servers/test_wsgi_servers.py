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
from tests.support.api_client import ApiClient
from tests.support.session_rows import age_rotations, wait_for_delivery
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE

SERVICE = "tests.servers.numbered_workers:create_app"


def refresh(client: ApiClient, tokens: dict[str, str]) -> requests.Response:
    return client.send("POST", "/api/auth/refresh", refresh_token=tokens["refresh_token"])


def wait_for_each_worker(client: ApiClient, tokens: dict[str, str], status: int, workers: int) -> None:
    """Wait until the guard of each worker has responded with this status, and none with another one since."""
    agreed: set[str] = set()

    def guard(_: int) -> requests.Response:
        return client.send("GET", "/api/protected_route", tokens["data"])

    def all_agree() -> bool:
        with ThreadPoolExecutor(4) as pool:
            responses = [*pool.map(guard, range(4))]
        if {response.status_code for response in responses} == {status}:
            agreed.update(response.headers[HEADER] for response in responses)
        else:
            agreed.clear()
        return len(agreed) == workers

    wait_until(all_agree)


@pytest.mark.parametrize("name", WSGI_SERVERS)
def test_each_worker_behind_a_server_refuses_what_another_one_ended(name: str, tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    workers = 1 if name in SINGLE_PROCESS else 2
    with wsgi_server(name, environ, SERVICE, workers=workers) as url:
        client = ApiClient(url)
        first = client.log_in(ZOE)
        assert first["token_type"] == "Bearer"
        wait_for_each_worker(client, first, 200, workers)
        refreshed = refresh(client, first)
        assert refreshed.status_code == 200
        second = refreshed.json()
        wait_for_delivery(engine_of(environ), first["refresh_token"])
        age_rotations(engine_of(environ), LOST_RESPONSE_TIMEOUT)
        spent = refresh(client, first)
        assert (spent.status_code, spent.json()["code"]) == (400, "invalid_refresh_token")
        assert refresh(client, second).status_code == 400
        wait_for_each_worker(client, second, 401, workers)
    assert not listens(int(url.rpartition(":")[2]))


def test_gunicorn_reports_no_version(static_environ: dict[str, str]) -> None:
    with gunicorn(static_environ) as url:
        response = requests.get(f"{url}/health/live", timeout=60)
        assert response.headers["Server"] == "gunicorn"
        assert not re.search(r"\d+\.\d+", f"{response.headers} {response.text}")
