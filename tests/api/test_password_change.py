"""`POST /api/auth/password`: users change their own password, which ends their sessions and starts a new one."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from database.session_table import SessionTable
from services.context import services_of
from tests.servers.process import wait_until
from tests.servers.slapd import Slapd
from tests.support.error_responses import error_message
from tests.support.session_rows import session_ids
from tests.support.sessions import (
    bearer,
    claims_of,
    client_of,
    guard_error,
    log_in,
    refresh,
    send_login,
    send_refresh,
    tokens_in,
)
from tests.support.statement_hooks import call_before_statement
from tests.support.stores import hashed, users_file
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import MAX, NEW, SQLITE_ONLY, Admin, admin_at, token_of

OTHER = replace(MAX, password=NEW["password"])
WRONG = [
    "not theirs",
    f"{MAX.password} ",
    MAX.password.upper(),
    "x\0",
    MAX.password + "\0",
    "\ud800",
    "x" * 2000,
]
MISSING: list[dict[str, object]] = [
    {},
    {"password": MAX.password},
    {"new_password": OTHER.password},
    {"password": "", "new_password": OTHER.password},
    {"password": " ", "new_password": OTHER.password},
    {"password": MAX.password, "new_password": "\t "},
    {"password": MAX.password, "new_password": 5},
    {"password": [MAX.password], "new_password": OTHER.password},
    {"password": MAX.password, "new_password": None},
]
WEAK_PASSWORDS = [
    (MAX.password, "must differ from the current password"),
    ("too short", "must be at least 15 characters long"),
    ("MAX@EXAMPLE.ORG quarry violin", "must not contain the username or the email"),
    ("qwertyuiopasdfghjkl", "is easy to guess"),
    ("quarry violin lampshade\n", "must not contain control characters or lone surrogates"),
    ("quarry violin " * 80, "must be at most 1024 characters long"),
]


def request_change(admin: Admin, access: str, old: str = MAX.password, new: str = OTHER.password) -> TestResponse:
    """Request a password change with this access token."""
    return admin.client.post("/api/auth/password", json={"password": old, "new_password": new}, headers=bearer(access))


def is_changed(admin: Admin) -> bool:
    """Return whether the other password is the one that Max can log in with."""
    statuses = [send_login(admin.client, person).status_code for person in (MAX, OTHER)]
    assert sorted(statuses) == [200, 400]
    return statuses == [400, 200]


def test_thief_of_the_callers_tokens_is_logged_out_by_the_password_change(admin: Admin) -> None:
    other_client = client_of(admin.environ)
    stolen, others, zoe = log_in(admin.client, MAX), log_in(other_client, MAX), log_in(other_client)
    assert guard_error(other_client, stolen.access) == ""
    new = tokens_in(request_change(admin, stolen.access))
    codes = [guard_error(admin.client, tokens.access) for tokens in (stolen, others, zoe, new)]
    assert codes == ["revoked_token", "revoked_token", "", ""]
    wait_until(lambda: guard_error(other_client, stolen.access) == "revoked_token")
    for tokens in (stolen, others):
        assert error_message(send_refresh(other_client, tokens.refresh), 400, "invalid_refresh_token")
    later = refresh(other_client, refresh(admin.client, new))
    assert [guard_error(client, later.access) for client in (admin.client, other_client)] == ["", ""]
    assert is_changed(admin)


@SQLITE_ONLY
def test_new_session_belongs_to_the_client_of_the_token(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ, OAUTH_CLIENTS="app")
    claims = {"username": "max", "roles": [], "idp": "database", "client_id": "app"}
    new = tokens_in(request_change(admin, services_of(admin.client.application).issuer.generate(claims)))
    assert claims_of(admin.client, new.access)["client_id"] == "app"
    assert error_message(send_refresh(admin.client, new.refresh), 400, "invalid_refresh_token")
    form = {"grant_type": "refresh_token", "refresh_token": new.refresh, "client_id": "app"}
    assert admin.client.post("/oauth/token", data=form).status_code == 200


REVOCATIONS: dict[str, Callable[[Admin], object]] = {
    "another password": lambda admin: admin.table.set_password("max", hashed("violin lampshade quarry 8")),
    "disabled": lambda admin: admin.table.set_active("max", active=False),
    "revoked": lambda admin: SessionTable(admin.engine).end_user_sessions("max"),
}


@pytest.mark.parametrize("revoke", REVOCATIONS.values(), ids=REVOCATIONS)
def test_revocation_during_a_password_change_leaves_no_session(admin: Admin, revoke: Callable[[Admin], object]) -> None:
    access = log_in(admin.client, MAX).access
    opening = ("BEGIN; SELECT pg_advisory_xact_lock_shared", "INSERT INTO latchkey_sessions")
    with call_before_statement(opening, lambda: revoke(admin)):
        response = request_change(admin, access)
    assert error_message(response, 503, "sessions_unavailable")
    assert session_ids(admin.engine) == []


def test_password_change_is_recorded_with_the_user_as_operator(admin: Admin) -> None:
    assert request_change(admin, log_in(admin.client, MAX).access).status_code == 200
    (event,) = admin.history("max")
    assert (event.operator, event.action, event.details) == ("database:Max", "password_changed", None)


def test_password_change_without_a_session_revokes_all_tokens(admin: Admin) -> None:
    token, tokens = token_of(admin.client, MAX), log_in(admin.client, MAX)
    assert request_change(admin, token).status_code == 200
    assert {guard_error(admin.client, access) for access in (token, tokens.access)} == {"revoked_token"}
    assert is_changed(admin)


@SQLITE_ONLY
@pytest.mark.parametrize("old", WRONG, ids=lambda old: ascii(old)[:20])
def test_wrong_current_password_changes_nothing_and_is_logged(
    admin: Admin, caplog: pytest.LogCaptureFixture, old: str
) -> None:
    caplog.set_level(logging.INFO)
    tokens = log_in(admin.client, MAX)
    for new in (OTHER.password, "weak"):
        response = request_change(admin, tokens.access, old, new)
        assert error_message(response, 400, "invalid_credentials") == "Invalid credentials"
    assert "password_change_denied reason=wrong_password" in caplog.text
    assert old not in caplog.text
    assert (guard_error(admin.client, tokens.access), is_changed(admin), admin.history("max")) == ("", False, [])


@SQLITE_ONLY
@pytest.mark.parametrize("body", MISSING, ids=str)
def test_both_passwords_are_required(admin: Admin, body: dict[str, object]) -> None:
    response = admin.client.post("/api/auth/password", json=body, headers=bearer(token_of(admin.client, MAX)))
    assert error_message(response, 400, "missing_credentials") == "Password or new_password missing"


@SQLITE_ONLY
@pytest.mark.parametrize(("new", "reason"), WEAK_PASSWORDS)
def test_weak_new_password_is_rejected_with_the_reason(admin: Admin, new: str, reason: str) -> None:
    tokens = log_in(admin.client, MAX)
    assert reason in error_message(request_change(admin, tokens.access, new=new), 400, "weak_password")
    assert (guard_error(admin.client, tokens.access), is_changed(admin)) == ("", False)


def test_new_password_that_normalizes_to_the_current_one_is_rejected(admin: Admin) -> None:
    admin.table.set_password("max", hashed("pässwörd quarry violin"))
    access = log_in(admin.client, replace(MAX, password="pässwörd quarry violin")).access
    response = request_change(admin, access, "pa\u0308sswo\u0308rd quarry violin", "pässwörd quarry violin")
    assert "must differ from the current password" in error_message(response, 400, "weak_password")


@SQLITE_ONLY
def test_password_min_length_setting_applies(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ, PASSWORD_MIN_LENGTH="8")
    access = log_in(admin.client, MAX).access
    assert "at least 8 characters" in error_message(request_change(admin, access, new="kx7!vqp"), 400, "weak_password")
    assert request_change(admin, access, new="kx7!vqpzWt").status_code == 200


@SQLITE_ONLY
@pytest.mark.parametrize("header", ["", "Bearer x", "Basic bWF4Ong="])
def test_password_change_requires_a_valid_token(admin: Admin, header: str) -> None:
    body = {"password": MAX.password, "new_password": OTHER.password}
    response = admin.client.post("/api/auth/password", json=body, headers={"Authorization": header})
    assert error_message(response, 401, "invalid_token" if header == "Bearer x" else "missing_token")
    assert not is_changed(admin)


def test_deleted_or_disabled_user_cannot_change_the_password(admin: Admin) -> None:
    admin.table.set_active("max", active=False)
    assert error_message(request_change(admin, later_token(admin)), 400, "invalid_credentials")
    admin.table.delete("max")
    assert error_message(request_change(admin, later_token(admin)), 400, "invalid_credentials")


def later_token(admin: Admin) -> str:
    """Return a valid token for Max: earlier revocations do not apply to it."""
    claims = {"username": "max", "roles": [], "idp": "database", "sid": "a session of its own"}
    return services_of(admin.client.application).issuer.generate(claims)


@SQLITE_ONLY
def test_password_change_accepts_only_post_and_json(admin: Admin) -> None:
    access = token_of(admin.client, MAX)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        response = admin.client.open("/api/auth/password", method=method, headers=bearer(access))
        assert error_message(response, 405, "method_not_allowed")
    form = {"password": MAX.password, "new_password": OTHER.password}
    assert error_message(
        admin.client.post("/api/auth/password", data=form, headers=bearer(access)), 415, "malformed_body"
    )


def test_user_of_another_provider_cannot_change_the_password_of_a_namesake(
    users_environ: dict[str, str], tmp_path: Path
) -> None:
    namesake = SampleUser("max", "max@example.com", "the password of another Max")
    environ = {**users_environ, **users_file(tmp_path / "users.toml", [namesake]), "AUTH_PROVIDER": "static,database"}
    admin = admin_at(environ)
    access = log_in(admin.client, namesake).access
    assert error_message(request_change(admin, access, MAX.password), 404, "users_elsewhere")
    assert error_message(request_change(admin, access, namesake.password), 404, "users_elsewhere")
    assert admin.history("max") == []
    assert send_login(admin.client, namesake).status_code == 200


@SQLITE_ONLY
@pytest.mark.parametrize("providers", ["ldap", "ldap,database"])
def test_ldap_user_cannot_change_the_password_here(users_environ: dict[str, str], slapd: Slapd, providers: str) -> None:
    environ = {**users_environ, **slapd.environ(AUTH_PROVIDER=providers)}
    admin = admin_at(environ)
    access = log_in(admin.client, ZOE).access
    assert error_message(request_change(admin, access, ZOE.password), 404, "users_elsewhere")
    assert admin.history("zoé") == []


def test_token_without_a_provider_cannot_change_a_password(admin: Admin) -> None:
    token = services_of(admin.client.application).issuer.generate({"username": "max", "roles": []})
    assert error_message(request_change(admin, token), 404, "users_elsewhere")
    assert not is_changed(admin)
