"""The database is unavailable or lacks tables: every endpoint of the user table is 503 and changes nothing."""

import pytest
from sqlalchemy import text, update

from database.engine import begin_write
from database.schema import downgrade, upgrade
from database.tables import users
from tests.support.database_outage import Database
from tests.support.error_responses import error_message
from tests.support.sessions import bearer, log_in, send_login
from tests.support.stores import user_table
from tests.support.users import ZOE
from tests.support.users_api import ANY_VERSION, ENDPOINTS, MAX, NEW, Admin, Endpoint, admin_at, user_in

UNAVAILABLE = "Database unavailable"


@pytest.fixture
def admin(migrated_database: str) -> Admin:
    """Zoé, an administrator, at an application with its own database. The guard has accepted her token."""
    admin = admin_at(user_table(migrated_database, [ZOE, MAX]))
    assert admin.ask("GET", "").status_code == 200
    return admin


def for_max(admin: Admin, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with the id of Max in its path."""
    method, path, members = endpoint
    return method, path.replace("1", str(admin.id_of(MAX))), members


def test_every_endpoint_is_503_during_an_outage_and_changes_nothing(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    endpoints = [for_max(admin, endpoint) for endpoint in ENDPOINTS if endpoint[0] != "HEAD"]
    caplog.set_level("DEBUG")  # further failures for the same reason
    tokens, before = log_in(admin.client, MAX), admin.ask("GET", "").get_json()
    database = Database(admin.environ["DATABASE_URL"])
    database.make_unavailable()
    responses = [admin.ask(*endpoint, ANY_VERSION) for endpoint in endpoints]
    body = {"password": MAX.password, "new_password": NEW["password"]}
    responses.append(admin.client.post("/api/auth/password", json=body, headers=bearer(tokens.access)))
    codes = [*(["provider_unavailable"] * len(endpoints)), "database_unavailable"]
    for response, code in zip(responses, codes, strict=True):
        assert error_message(response, 503, code)
        assert response.headers["Retry-After"] == "5"
        assert response.headers["X-Request-ID"] in caplog.text
    assert error_message(send_login(admin.client, MAX), 503, "provider_unavailable")
    assert "Traceback" not in caplog.text
    database.make_available()
    assert admin.ask("GET", "").get_json()["data"][1] == before["data"][1]
    assert send_login(admin.client, MAX).status_code == 200


def test_edit_fails_if_its_audit_event_cannot_be_written(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    user_id = admin.id_of(MAX)
    with admin.engine.begin() as connection:
        connection.execute(text("DROP TABLE latchkey_audit_events"))
    changes = [
        admin.ask("POST", "", NEW),
        admin.patch(user_id, {"active": False}),
        admin.ask("PUT", f"/{user_id}/password", {"password": NEW["password"]}),
    ]
    for response in changes:
        assert error_message(response, 503, "database_unavailable") == UNAVAILABLE
    assert "Run: make migrate" in caplog.text
    assert (admin.table.users.count(), user_in(admin.read(user_id))["active"]) == (2, True)
    assert send_login(admin.client, MAX).status_code == 200


def test_schema_downgrade_is_an_outage(admin: Admin) -> None:
    downgrade(admin.engine, "0002")
    for endpoint in ENDPOINTS:
        assert admin.ask(*endpoint, ANY_VERSION).status_code == 503
    upgrade(admin.engine)
    assert user_in(admin.read(admin.id_of(MAX)))["username"] == MAX.username


# PostgreSQL has the same lock timeout of five seconds; one wait is enough.
@pytest.mark.parametrize("migrated_database", ["sqlite"], indirect=True)
def test_lock_timeout_is_an_outage(admin: Admin) -> None:
    user_id = admin.id_of(MAX)
    with begin_write(admin.engine) as connection:
        connection.execute(update(users).values(email=None, email_folded=None))
        response = admin.patch(user_id, {"active": False})
        assert error_message(response, 503, "database_unavailable") == UNAVAILABLE
        assert user_in(admin.read(user_id))["email"] == MAX.email
        connection.rollback()
    assert user_in(admin.patch(user_id, {"active": False}))["active"] is False
