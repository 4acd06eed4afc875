"""`POST /oauth/token`: OAuth clients exchange a password or a refresh token for tokens."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.context import services_of
from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.support.error_responses import error_message
from tests.support.oauth import (
    OTHER_AUTH,
    REPORTS_AUTH,
    granted_tokens,
    is_active,
    oauth_app,
    oauth_error,
    refresh,
    token,
)
from tests.support.session_rows import age_rotations
from tests.support.stores import engine_of
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

PHONE = {"client_id": "phone"}
NEVER = "Invalid refresh token: expired, revoked or unknown"


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return oauth_app(sqlite_environ)


@pytest.mark.parametrize("person", SAMPLE_USERS, ids=lambda person: person.username)
def test_password_grant_returns_tokens_of_the_user(app: Flask, person: SampleUser) -> None:
    client = app.test_client()
    members = granted_tokens(token(client, username=person.username, password=person.password))
    claims = services_of(app).issuer.decode(members["access_token"])
    assert (claims["sub"], claims["client_id"]) == (person.username, "reports")
    assert is_active(client, members["access_token"])
    assert granted_tokens(refresh(client, members["refresh_token"]))


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (ZOE.email, "wrong"),
        (ZOE.email, ZOE.password.swapcase()),
        (ZOE.email, " "),
        (ZOE.email, f"{ZOE.password}\0"),
        (ZOE.email, "x" * 1025),
        ("nobody", ZOE.password),
        (" ", ZOE.password),
        ("*", ZOE.password),
        ("shared@example.org", "the password of the second"),
        ("x" * 10_000, ZOE.password),
    ],
)
def test_all_wrong_credentials_are_an_invalid_grant(client: FlaskClient, username: str, password: str) -> None:
    response = token(client, username=username, password=password)
    assert oauth_error(response, 400, "invalid_grant") == "Invalid credentials"


def test_refresh_token_is_single_use(client: FlaskClient, sqlite_environ: dict[str, str]) -> None:
    first = granted_tokens(token(client))
    second = granted_tokens(refresh(client, first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    assert is_active(client, second["access_token"])
    age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
    spent = refresh(client, first["refresh_token"])
    assert "already used" in oauth_error(spent, 400, "invalid_grant")
    assert oauth_error(refresh(client, second["refresh_token"]), 400, "invalid_grant") == NEVER
    assert not is_active(client, second["access_token"])


@pytest.mark.parametrize("form", [" ", "x", "x.y", "é", "\0", "a" * 22 + "." + "b" * 43, "a" * 10_000])
def test_malformed_refresh_token_is_an_invalid_grant(client: FlaskClient, form: str) -> None:
    assert oauth_error(refresh(client, form), 400, "invalid_grant") == NEVER


def test_access_token_is_not_accepted_as_refresh_token(client: FlaskClient) -> None:
    members = granted_tokens(token(client))
    assert oauth_error(refresh(client, members["access_token"]), 400, "invalid_grant") == NEVER
    assert is_active(client, members["access_token"])


@pytest.mark.parametrize("other_client", [OTHER_AUTH, {}], ids=["with a secret", "public"])
def test_refresh_token_of_another_client_is_rejected_and_stays_valid(
    client: FlaskClient, other_client: dict[str, str]
) -> None:
    members = granted_tokens(token(client))
    form = {"grant_type": "refresh_token", "refresh_token": members["refresh_token"]}
    response = client.post("/oauth/token", data=form if other_client else {**form, **PHONE}, headers=other_client)
    assert oauth_error(response, 400, "invalid_grant") == NEVER
    assert granted_tokens(refresh(client, members["refresh_token"]))


def test_first_party_and_client_refresh_tokens_are_not_interchangeable(client: FlaskClient) -> None:
    login = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()
    assert oauth_error(refresh(client, login["refresh_token"]), 400, "invalid_grant") == NEVER
    theirs = granted_tokens(token(client))["refresh_token"]
    response = client.post("/api/auth/refresh", json={"refresh_token": theirs})
    assert error_message(response, 400, "invalid_refresh_token") == NEVER
    assert client.post("/api/auth/refresh", json={"refresh_token": login["refresh_token"]}).status_code == 200
    assert granted_tokens(refresh(client, theirs))


def test_refresh_tokens_of_a_public_client_rotate(app: Flask, sqlite_environ: dict[str, str]) -> None:
    client = app.test_client()
    first = granted_tokens(token(client, {}, **PHONE))
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **PHONE}
    second = granted_tokens(client.post("/oauth/token", data=form))
    claims = services_of(app).issuer.decode(second["access_token"])
    assert (claims["sub"], claims["client_id"]) == (ZOE.username, "phone")
    age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
    assert oauth_error(client.post("/oauth/token", data=form), 400, "invalid_grant")


def test_without_a_database_there_is_no_refresh_token(static_environ: dict[str, str]) -> None:
    client = oauth_app(static_environ).test_client()
    members = granted_tokens(token(client))
    assert "refresh_token" not in members
    assert is_active(client, members["access_token"])
    response = refresh(client, "a" * 22 + "." + "b" * 43)
    assert oauth_error(response, 400, "unsupported_grant_type") == "Unsupported grant type"


@pytest.mark.parametrize("setting", ["", "false"])
def test_password_grant_is_rejected_unless_it_is_enabled(sqlite_environ: dict[str, str], setting: str) -> None:
    client = oauth_app(sqlite_environ, OAUTH_PASSWORD_GRANT=setting).test_client()
    for password in (ZOE.password, "wrong"):
        assert oauth_error(token(client, password=password), 400, "unsupported_grant_type") == "Unsupported grant type"
    assert oauth_error(token(client, {}, **PHONE), 400, "unsupported_grant_type")


def test_sessions_continue_after_the_password_grant_is_disabled(sqlite_environ: dict[str, str]) -> None:
    members = granted_tokens(token(oauth_app(sqlite_environ).test_client()))
    client = oauth_app(sqlite_environ, OAUTH_PASSWORD_GRANT="false").test_client()
    for password in (ZOE.password, "wrong"):
        assert oauth_error(token(client, password=password), 400, "unsupported_grant_type")
    assert granted_tokens(refresh(client, members["refresh_token"]))


def test_secrets_passwords_and_tokens_are_never_logged(
    client: FlaskClient, sqlite_environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    members = granted_tokens(token(client))
    for headers in (OTHER_AUTH, REPORTS_AUTH, REPORTS_AUTH):
        assert refresh(client, members["refresh_token"], headers).get_json()
        age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
    token(client, password=f"{ZOE.password}!")
    assert "refresh_reused" in caplog.text
    secrets = [REPORTS_AUTH["Authorization"].split()[1], ZOE.password, members["access_token"]]
    secrets += members["refresh_token"].split(".")
    assert [secret for secret in secrets if secret in caplog.text] == []


@pytest.mark.parametrize("scope", ["read write", "openid offline_access", "admin", "\\"])
def test_requested_scope_is_ignored_and_the_granted_one_is_empty(client: FlaskClient, scope: str) -> None:
    """RFC 6749 §3.3: the response has the granted scope if it differs from the requested one."""
    granted = token(client, scope=scope)
    assert (granted.status_code, granted.json["scope"]) == (200, "")  # type: ignore[index]
    form = {"grant_type": "refresh_token", "refresh_token": granted.get_json()["refresh_token"], "scope": scope}
    refreshed = client.post("/oauth/token", data=form, headers=REPORTS_AUTH)
    assert (refreshed.status_code, refreshed.json["scope"]) == (200, "")  # type: ignore[index]
    assert "scope" not in granted_tokens(token(client, scope=""))
