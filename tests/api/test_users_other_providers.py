"""`/api/users` with users in another store, or in several stores."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.context import services_of
from tests.servers.slapd import Slapd
from tests.support.error_responses import error_message
from tests.support.sessions import claims_of, client_of, log_in, send_login
from tests.support.stores import SECRET_KEY, hashed, user_table, users_file
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import ANY_VERSION, ENDPOINTS, MAX, NEW, SQLITE_ONLY, Admin, Endpoint, admin_at, user_in

LENA = SampleUser("léna", "lena@example.org", "the password of lena")
IN_USE = "The username or email is already in use"
ROOT = Path(__file__).resolve().parents[2]


def test_admin_of_another_provider_is_recorded_as_operator(users_environ: dict[str, str], tmp_path: Path) -> None:
    boss = SampleUser("boss", "boss@example.org", "the password of the boss", ("admin",))
    environ = {**users_environ, **users_file(tmp_path / "users.toml", [boss])}
    client = client_of(environ, AUTH_PROVIDER="static,database")
    admin = Admin(client, environ, log_in(client, boss).access)
    assert user_in(admin.patch(admin.id_of(MAX), {"roles": []}))["roles"] == []
    assert admin.history("max")[0].operator == "static:boss"


@pytest.fixture(params=["database,static", "static,database"])
def lena_elsewhere(request: pytest.FixtureRequest, users_environ: dict[str, str], tmp_path: Path) -> Admin:
    """An administrator at a chain whose users file has LENA, who is disabled there."""
    environ = {**users_environ, **users_file(tmp_path / "users.toml", [LENA])}
    with (tmp_path / "users.toml").open("a", encoding="utf-8") as file:
        file.write("active = false\n")
    return admin_at(environ, AUTH_PROVIDER=request.param, AUTH_SKIP_UNAVAILABLE="static")


@pytest.mark.parametrize(
    "names", [{"username": "léna"}, {"username": "LE\u0301NA"}, {"email": "léna"}, {"email": "LÉNA"}], ids=ascii
)
def test_user_does_not_get_the_username_of_a_user_of_another_provider(
    lena_elsewhere: Admin, names: dict[str, str]
) -> None:
    admin = lena_elsewhere
    assert error_message(admin.ask("POST", "", {**NEW, **names}), 409, "user_exists") == IN_USE
    assert error_message(admin.patch(admin.id_of(MAX), names), 409, "user_exists") == IN_USE
    assert [user["username"] for user in admin.ask("GET", "").get_json()["data"]] == ["Max", "zoé"]
    assert admin.history("max") == []


@SQLITE_ONLY
def test_directory_user_cannot_be_impersonated_by_a_user_of_the_table_before_it(
    users_environ: dict[str, str], slapd: Slapd
) -> None:
    slapd.add_person(person := SampleUser("impersonated", "impersonated@example.test", "the password of the person"))
    admin = admin_at({**slapd.environ(), **users_environ}, AUTH_PROVIDER="database,ldap")
    new = {**NEW, "username": "Impersonated"}
    assert error_message(admin.ask("POST", "", new), 409, "user_exists") == IN_USE
    assert error_message(admin.patch(admin.id_of(MAX), {"username": "impersonated"}), 409, "user_exists") == IN_USE
    assert claims_of(admin.client, log_in(admin.client, person).access)["idp"] == "ldap"


def test_username_is_not_free_while_a_provider_that_may_have_it_is_unavailable(
    lena_elsewhere: Admin, tmp_path: Path
) -> None:
    admin = lena_elsewhere
    (tmp_path / "users.toml").unlink()
    error_message(admin.ask("POST", "", NEW), 503, "provider_unavailable")
    error_message(admin.patch(admin.id_of(MAX), {"username": "new"}), 503, "provider_unavailable")
    error_message(admin.patch(admin.id_of(MAX), {"email": "new"}), 503, "provider_unavailable")
    assert admin.history("max") == []
    unchanged = {"username": "MAX", "email": MAX.email.upper(), "roles": ["editor"], "active": False}
    assert user_in(admin.patch(admin.id_of(MAX), unchanged))["username"] == "MAX"
    assert user_in(admin.patch(admin.id_of(MAX), {"email": None}))["email"] is None


def test_user_who_shares_a_username_with_another_provider_can_still_be_edited(lena_elsewhere: Admin) -> None:
    admin = lena_elsewhere
    admin.table.add("LÉNA", "léna", hashed(MAX.password))
    lena = admin.id_of(LENA)
    same = {"username": "Léna", "email": "Léna", "roles": ["user"]}
    assert user_in(admin.patch(lena, same))["username"] == "Léna"
    assert user_in(admin.patch(lena, {"username": "another"}))["email"] == "Léna"
    assert error_message(admin.patch(lena, {"username": "léna"}), 409, "user_exists") == IN_USE


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
