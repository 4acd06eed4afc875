"""Authlib, openid-client and oauth4webapi find the endpoints, log in and refresh, as docs/checked-with.md shows."""

import json
import subprocess
import time
from typing import Any

import pytest

from tests.clients.conftest import StandardService
from tests.clients.verifiers import allow_plain_http, documented, javascript
from tests.support.api_client import ApiClient
from tests.support.oauth import SECRET
from tests.support.users import ZOE


def run_javascript(part: str, results: str, service: StandardService) -> dict[str, Any]:
    """Run a block of the page that has this part; return the results, an expression of an object."""
    constants = {"CLIENT_SECRET": SECRET, "USERNAME": ZOE.email, "PASSWORD": ZOE.password}
    values = "".join(f"const {name} = {json.dumps(text)}\n" for name, text in constants.items())
    source = allow_plain_http(documented("js", part, service))
    with javascript(values, source, f"console.log(JSON.stringify({results}))") as command:
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    output: dict[str, Any] = json.loads(ended.stdout)
    return output


def guard(service: StandardService, token: str) -> int:
    return ApiClient(service.url).send("GET", "/api/protected_route", token).status_code


def test_authlib_logs_in_refreshes_and_revokes(
    standard_service: StandardService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    saved: list[dict[str, Any]] = []
    module: dict[str, Any] = {"print": lambda token, **_: saved.append(token)}
    exec(documented("python", "def log_in", standard_service), module)  # noqa: S102 - the code of the documentation
    with module["log_in"](ZOE.email, ZOE.password, SECRET) as session:
        first = dict(session.token)
        url = f"{standard_service.url}/api/auth/me"
        assert session.get(url).json()["data"]["sub"] == ZOE.username
        assert saved == []
        session.token["expires_at"] = int(time.time()) - 1
        assert session.get(url).status_code == 200
        (new,) = saved
        assert new["refresh_token"] != first["refresh_token"]
        session.revoke_token(f"{standard_service.url}/oauth/revoke", token=new["access_token"])
        assert session.get(url).status_code == 401


def test_openid_client_finds_the_endpoints_logs_in_refreshes_introspects_and_revokes(
    standard_service: StandardService,
) -> None:
    results = run_javascript("client.discovery", "{ first, second, before, after }", standard_service)
    first, second, before, after = (results[name] for name in ("first", "second", "before", "after"))
    assert first["refresh_token"] != second["refresh_token"]
    assert (before["active"], before["client_id"], before["sub"]) == (True, "reports", ZOE.username)
    assert after == {"active": False}
    assert guard(standard_service, second["access_token"]) == 401


def test_oauth4webapi_finds_the_endpoints_and_logs_in(standard_service: StandardService) -> None:
    tokens = run_javascript("genericTokenEndpointRequest", "tokens", standard_service)
    assert guard(standard_service, tokens["access_token"]) == 200
