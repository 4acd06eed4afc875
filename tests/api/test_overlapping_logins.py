"""A login that is in progress while its user is disabled or gets another password."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from database.session_table import SessionTable
from database.user_editor import UserEditor
from services.context import services_of
from services.identity import Identity
from tests.support.stores import SECRET_KEY, engine_of, hashed, user_table
from tests.support.users import SampleUser

YAN = SampleUser("yan", "yan@example.org", "the first password", ("user",))
OTHER = hashed("another password")
REVOCATIONS: dict[str, Callable[[UserEditor], object]] = {
    "set-password": lambda users: users.set_password("yan", OTHER),
    "change-password": lambda users: users.change_password(users.users.require("yan"), OTHER),
    "disable": lambda users: users.set_active("yan", False),
}


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    return {"SECRET_KEY": SECRET_KEY, **user_table(migrated_database, [YAN])}


@pytest.fixture
def app(environ: dict[str, str]) -> Flask:
    return create_app(environ)


def is_valid(client: FlaskClient, login: dict[str, str]) -> bool:
    """Return whether a token of the login is valid."""
    guarded = client.get("/api/protected_route", headers={"Authorization": f"Bearer {login['data']}"})
    refreshed = client.post("/api/auth/refresh", json={"refresh_token": login.get("refresh_token", "none")})
    return guarded.status_code == 200 or refreshed.status_code == 200


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_login_in_progress_does_not_survive_a_revocation(app: Flask, environ: dict[str, str], revocation: str) -> None:
    users = UserEditor(engine_of(environ), "tests")

    def log_in(_: int) -> dict[str, str]:
        body = {"email": "yan", "password": YAN.password}
        response: dict[str, str] = app.test_client().post("/api/auth", json=body).get_json()
        return response

    for round_number in range(5):
        with ThreadPoolExecutor(4) as threads:
            in_progress = threads.map(log_in, range(4))
            time.sleep(round_number * 0.015)
            REVOCATIONS[revocation](users)
            logins = [login for login in in_progress if "data" in login]
        sessions = services_of(app).sessions
        assert sessions
        sessions.refresh_revocations()
        assert not any(is_valid(app.test_client(), login) for login in logins)
        users.set_active("yan", True)
        users.set_password("yan", hashed(YAN.password))


def test_session_is_not_opened_after_a_revocation_during_the_login(app: Flask, environ: dict[str, str]) -> None:
    services = services_of(app)
    assert services.sessions
    user = Identity(username="yan", email=None, roles=[], idp="database")
    last_revocation_id = services.sessions.last_revocation_id()
    SessionTable(engine_of(environ)).end_user_sessions("YAN", "database")
    assert services.sessions.open(user, "latchkey", last_revocation_id) is None
    assert services.sessions.open(user, "latchkey", services.sessions.last_revocation_id())


@pytest.mark.parametrize(("name", "idp"), [("zoé", None), ("yan", "ldap")])
def test_revocation_for_another_user_does_not_affect_the_login(
    app: Flask, environ: dict[str, str], name: str, idp: str | None
) -> None:
    services = services_of(app)
    assert services.sessions
    SessionTable(engine_of(environ)).end_user_sessions(name, idp)
    assert services.sessions.open(Identity(username="yan", email=None, roles=[], idp="database"), "latchkey", 0)
