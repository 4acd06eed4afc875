"""Without DATABASE_URL there are only access tokens, and SQLAlchemy is not imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.error_responses import error_message
from tests.support.sessions import bearer, claims_of, guard_error, log_out, send_login, send_refresh
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE

ROOT = Path(__file__).resolve().parents[2]
WELL_FORMED = "x" * 22 + "." + "y" * 43
DISABLED = "Sessions are disabled: DATABASE_URL is not set"

PROGRAM = """
import json, os, sys
from app import create_app

client = create_app(os.environ).test_client()
login = json.loads(sys.stdin.read())
responses = [client.post("/api/auth", json=login)]
bearer = {"Authorization": f"Bearer {responses[0].get_json()['data']}"}
responses += [
    client.get("/api/protected_route", headers=bearer),
    client.post("/api/auth/refresh", json={"refresh_token": "x"}),
    client.delete("/api/auth", headers=bearer),
]
print(json.dumps([[response.status_code for response in responses], [name for name in sys.modules if "sql" in name]]))
"""


def test_login_returns_only_an_access_token(client: FlaskClient) -> None:
    body = send_login(client).get_json()
    assert set(body) == {"status", "data", "token_type", "expires_in"}
    assert "sid" not in claims_of(client, body["data"])


@pytest.mark.parametrize("token", ["x", WELL_FORMED, None, 5])
def test_refresh_is_404_without_sessions(client: FlaskClient, token: object) -> None:
    assert error_message(send_refresh(client, token), 404, "sessions_disabled") == DISABLED


def test_logout_is_404_without_sessions_and_revokes_nothing(client: FlaskClient) -> None:
    access = send_login(client).get_json()["data"]
    assert error_message(log_out(client, access), 404, "sessions_disabled") == DISABLED
    assert error_message(client.delete("/api/auth", headers=bearer("x")), 404, "sessions_disabled") == DISABLED
    assert guard_error(client, access) == ""


@pytest.mark.parametrize("empty", [{}, {"DATABASE_URL": ""}])
def test_sqlalchemy_is_not_imported(static_environ: dict[str, str], tmp_path: Path, empty: dict[str, str]) -> None:
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "SECRET_KEY": SECRET_KEY, **static_environ, **empty}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps({"email": ZOE.email, "password": ZOE.password}),
        cwd=tmp_path, env=environ, capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip
    assert json.loads(ended.stdout) == [[200, 200, 404, 404], []]
