"""Behind every WSGI server the delivery of tokens is recorded, so that a spent refresh token is refused."""

from pathlib import Path

import pytest
import requests

from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.servers.wsgi_servers import WSGI_SERVERS, wsgi_server
from tests.support.session_rows import age_rotations, wait_for_delivery
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE


def post(url: str, **body: str) -> requests.Response:
    return requests.post(url, json=body, timeout=60)


def refresh(url: str, tokens: requests.Response) -> requests.Response:
    return post(f"{url}/api/auth/refresh", refresh_token=tokens.json()["refresh_token"])


@pytest.mark.parametrize("name", WSGI_SERVERS)
def test_spent_refresh_token_is_refused_behind_each_server(name: str, tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    with wsgi_server(name, environ) as url:
        first = post(f"{url}/api/auth", email=ZOE.email, password=ZOE.password)
        second = refresh(url, first)
        assert second.status_code == 200
        wait_for_delivery(engine_of(environ), first.json()["refresh_token"])
        age_rotations(engine_of(environ), LOST_RESPONSE_TIMEOUT)
        spent = refresh(url, first)
        assert (spent.status_code, spent.json()["code"]) == (400, "invalid_refresh_token")
        assert refresh(url, second).status_code == 400
