"""`/api/users` with users in another store, or in several stores."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.context import services_of
from tests.support.error_responses import error_message
from tests.support.sessions import client_of, log_in, send_login
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import ANY_VERSION, ENDPOINTS, MAX, Admin, Endpoint, user_in

ROOT = Path(__file__).resolve().parents[2]


def test_admin_of_another_provider_is_recorded_as_operator(users_environ: dict[str, str], tmp_path: Path) -> None:
    boss = SampleUser("boss", "boss@example.org", "the password of the boss", ("admin",))
    environ = {**users_environ, **users_file(tmp_path / "users.toml", [boss])}
    client = client_of(environ, AUTH_PROVIDER="static,database")
    admin = Admin(client, environ, log_in(client, boss).access)
    assert user_in(admin.patch(admin.id_of(MAX), {"roles": []}))["roles"] == []
    assert admin.history("max")[0].operator == "static:boss"


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if endpoint[0] != "HEAD"], ids=str)
@pytest.mark.parametrize("sessions", [True, False])
def test_endpoints_without_a_user_table_are_404_and_guarded(
    static_environ: dict[str, str], tmp_path: Path, sessions: bool, endpoint: Endpoint
) -> None:
    url = user_table(f"sqlite:///{tmp_path}/sessions.db", []) if sessions else {}
    environ = {**url, **static_environ}
    client = client_of(environ)
    admin = Admin(client, environ, send_login(client).get_json()["data"])
    assert error_message(admin.ask(*endpoint, ANY_VERSION), 404, "users_elsewhere")
    user = services_of(client.application).issuer.generate({"username": "zoé", "roles": ["user"]})
    assert error_message(Admin(client, environ, user).ask(*endpoint, ANY_VERSION), 403, "role_required")


PROGRAM = """
import json, os, sys
from app import create_app

client = create_app(os.environ).test_client()
login = json.loads(sys.stdin.read())
bearer = {"Authorization": f"Bearer {client.post('/api/auth', json=login).get_json()['data']}"}
change = {"password": login["password"], "new_password": "lampshade quarry violin 9"}
responses = [
    client.get("/api/users", headers=bearer),
    client.post("/api/users", headers=bearer, json={"username": "new", "password": "lampshade quarry violin 9"}),
    client.patch("/api/users/1", headers={**bearer, "If-Match": "*"}, json={}),
    client.post("/api/auth/password", headers=bearer, json=change),
    client.get("/health/ready"),
]
print(json.dumps([[response.status_code for response in responses], [name for name in sys.modules if "sql" in name]]))
"""


def test_user_endpoints_without_a_database_do_not_import_sqlalchemy(
    static_environ: dict[str, str], tmp_path: Path
) -> None:
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "SECRET_KEY": SECRET_KEY, **static_environ}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps({"email": ZOE.email, "password": ZOE.password}),
        cwd=tmp_path, env=environ, capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip
    assert json.loads(ended.stdout) == [[404, 404, 404, 404, 200], []]
