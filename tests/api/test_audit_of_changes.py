"""One audit event for each change of a user, with the operator and the request, and none for a rejected one."""

import pytest

from services.context import services_of
from tests.support.audit_events import events_in
from tests.support.sessions import bearer, claims_of, log_in
from tests.support.users import ZOE
from tests.support.users_api import MAX, NEW, SQLITE_ONLY, Admin


@SQLITE_ONLY
def test_password_change_and_its_refusals_are_events(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    access = log_in(admin.client, MAX).access
    caplog.clear()
    for old, new in [("wrong", NEW["password"]), (MAX.password, "short"), (MAX.password, NEW["password"])]:
        admin.client.post("/api/auth/password", json={"password": old, "new_password": new}, headers=bearer(access))
    shown = [(event["event"], event.get("reason"), event["account"]) for event in events_in(caplog)]
    assert shown == [
        ("password_change_denied", "wrong_password", "Max"),
        ("password_change_denied", "weak_password", "Max"),
        ("password_changed", None, "Max"),
        ("password_change_accepted", None, "Max"),
    ]
    assert events_in(caplog, "password_changed")[0]["operator"] == "database:Max"


@SQLITE_ONLY
def test_change_by_an_administrator_is_an_event_with_the_request(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    response = admin.patch(admin.id_of(MAX), {"roles": ["editor"], "username": "maxine"})
    renamed, changed = events_in(caplog)
    assert (renamed["event"], renamed["account"], renamed["details"]) == ("user_renamed", "maxine", "was Max")
    assert (changed["event"], changed["details"]) == ("roles_changed", "+editor -user")
    for event in (renamed, changed):
        assert event["operator"] == f"database:{ZOE.username}"
        assert (event["request_id"], event["address"]) == (response.headers["X-Request-ID"], "127.0.0.1")
        assert event["user_id"] == admin.table.users.require("maxine").id
        assert event["jti"] == claims_of(admin.client, admin.access)["jti"]


@SQLITE_ONLY
def test_password_change_of_a_user_of_another_provider_is_not_an_event(
    admin: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    token = services_of(admin.client.application).issuer.generate({"username": "max", "roles": [], "idp": "ldap"})
    body = {"password": "x", "new_password": "y"}
    assert admin.client.post("/api/auth/password", json=body, headers=bearer(token)).status_code == 404
    assert events_in(caplog) == []


@SQLITE_ONLY
def test_rejected_change_is_not_an_event(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    assert admin.patch(admin.id_of(MAX), {"username": ZOE.username}).status_code == 409
    assert events_in(caplog) == []
