"""The service starts behind each WSGI server, and ends with it."""

import re

import pytest
import requests

from tests.servers.gunicorn import gunicorn
from tests.servers.process import listens
from tests.servers.wsgi_servers import WSGI_SERVERS, wsgi_server
from tests.support.users import ZOE


@pytest.mark.parametrize("name", WSGI_SERVERS)
def test_login_succeeds_and_the_server_ends(name: str, static_environ: dict[str, str]) -> None:
    with wsgi_server(name, static_environ) as url:
        login = {"email": ZOE.email, "password": ZOE.password}
        response = requests.post(f"{url}/api/auth", json=login, timeout=60)
        assert (response.status_code, response.json()["token_type"]) == (200, "Bearer")
    assert not listens(int(url.rpartition(":")[2]))


def test_gunicorn_reports_no_version(static_environ: dict[str, str]) -> None:
    with gunicorn(static_environ) as url:
        response = requests.get(f"{url}/health/live", timeout=60)
        assert response.headers["Server"] == "gunicorn"
        assert not re.search(r"\d+\.\d+", f"{response.headers} {response.text}")
