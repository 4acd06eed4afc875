"""`POST /oauth/introspect` (RFC 7662): the claims of a valid token, for a client with a secret."""

import time
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.context import services_of
from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from services.tokens.issuer import TokenIssuer
from tests.support.oauth import (
    OTHER_AUTH,
    REPORTS_AUTH,
    basic_auth,
    granted_tokens,
    oauth_app,
    oauth_error,
    refresh,
    token,
)
from tests.support.session_rows import age_rotations
from tests.support.signed_tokens import sign
from tests.support.stores import engine_of
from tests.support.users import ZOE


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return oauth_app(sqlite_environ)


@pytest.fixture
def issuer(app: Flask) -> TokenIssuer:
    return services_of(app).issuer


def introspect(client: FlaskClient, presented: str, **more: str) -> TestResponse:
    return client.post("/oauth/introspect", data={"token": presented, **more}, headers=REPORTS_AUTH)


def introspection(response: TestResponse) -> dict[str, Any]:
    """Return the members of the response, after checking that no cache may store it."""
    assert (response.status_code, response.mimetype) == (200, "application/json"), response.text
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    members: dict[str, Any] = response.get_json()
    return members


def is_inactive(response: TestResponse) -> bool:
    """Return whether the response has `active: false` and no other member."""
    return introspection(response) == {"active": False}


def test_active_token_is_returned_with_its_claims(client: FlaskClient, issuer: TokenIssuer) -> None:
    access_token = granted_tokens(token(client))["access_token"]
    members = introspection(introspect(client, access_token))
    assert members == {**issuer.decode(access_token), "active": True, "token_type": "Bearer"}
    assert members["sub"] == members["username"] == ZOE.username
    assert sorted(members["roles"]) == ["admin", "user"]
    assert (members["client_id"], members["exp"] - members["iat"]) == ("reports", 3600)


def test_confidential_client_can_introspect_tokens_of_other_clients(client: FlaskClient) -> None:
    login = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()["data"]
    theirs = granted_tokens(token(client, OTHER_AUTH))["access_token"]
    members = [introspection(introspect(client, presented)) for presented in (login, theirs)]
    assert [(one["active"], one["client_id"]) for one in members] == [(True, "latchkey"), (True, "other")]


def test_claims_of_the_token_cannot_override_active_and_token_type(client: FlaskClient, issuer: TokenIssuer) -> None:
    presented = issuer.generate({"username": "zoé", "active": False, "token_type": "mac"})
    members = introspection(introspect(client, presented))
    assert (members["active"], members["token_type"]) == (True, "Bearer")


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_token_type_hint_changes_nothing(client: FlaskClient, hint: str) -> None:
    members = granted_tokens(token(client))
    assert introspection(introspect(client, members["access_token"], token_type_hint=hint))["active"] is True
    assert is_inactive(introspect(client, members["refresh_token"], token_type_hint=hint))


def test_refresh_token_is_never_active(client: FlaskClient) -> None:
    spent = granted_tokens(token(client))["refresh_token"]
    valid = granted_tokens(refresh(client, spent))["refresh_token"]
    assert is_inactive(introspect(client, valid))
    assert is_inactive(introspect(client, spent))
    assert granted_tokens(refresh(client, valid))


def test_expired_token_is_not_active(client: FlaskClient, issuer: TokenIssuer) -> None:
    assert is_inactive(introspect(client, issuer.generate({"username": "zoé"}, lifetime=-1)))
    presented = issuer.generate({"username": "zoé"}, lifetime=1)
    assert introspection(introspect(client, presented))["active"] is True
    with time_machine.travel(time.time() + 61):
        assert is_inactive(introspect(client, presented))


@pytest.mark.parametrize("how", ["revoked", "refresh token revoked", "logged out", "refresh token reused"])
def test_revoked_token_is_not_active(client: FlaskClient, sqlite_environ: dict[str, str], how: str) -> None:
    members = granted_tokens(token(client))
    access_token, refresh_token = members["access_token"], members["refresh_token"]
    if how == "logged out":
        client.delete("/api/auth", headers={"Authorization": f"Bearer {access_token}"})
    elif how == "refresh token reused":
        granted_tokens(refresh(client, refresh_token))
        age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
        oauth_error(refresh(client, refresh_token), 400, "invalid_grant")
    else:
        presented = access_token if how == "revoked" else refresh_token
        client.post("/oauth/revoke", data={"token": presented}, headers=REPORTS_AUTH)
    assert is_inactive(introspect(client, access_token))


@pytest.mark.parametrize(
    "presented",
    ["x", " ", "\0", "é", "a.b.c", "...", "null", "{}", "eyJhbGciOiJub25lIn0.e30.", "x" * 9000, "Bearer x", "\ud7ff"],
)
def test_malformed_token_is_not_active(client: FlaskClient, presented: str) -> None:
    assert is_inactive(introspect(client, presented))


@pytest.mark.parametrize("changed", [{"iss": "evil"}, {"aud": "evil"}, {"exp": "9999999999"}, {"iat": 99999999999}])
def test_token_with_foreign_or_invalid_claims_is_not_active(
    client: FlaskClient, issuer: TokenIssuer, changed: dict[str, object]
) -> None:
    valid = issuer.generate({"username": "zoé"})
    header = {"alg": "HS256", "typ": "at+jwt", "kid": services_of(client.application).keys.ring().current.id}
    assert introspection(introspect(client, sign(header, issuer.decode(valid))))["active"] is True
    assert is_inactive(introspect(client, sign(header, {**issuer.decode(valid), **changed})))


def test_token_of_another_service_is_not_active(client: FlaskClient, sqlite_environ: dict[str, str]) -> None:
    other = oauth_app(sqlite_environ, SECRET_KEY="the key of another service, long enough")
    foreign = services_of(other).issuer.generate({"username": "zoé"})
    assert is_inactive(introspect(client, foreign))
    head, claims, _ = granted_tokens(token(client))["access_token"].split(".")
    assert is_inactive(introspect(client, f"{head}.{claims}.{foreign.rpartition('.')[2]}"))


@pytest.mark.parametrize(
    "headers", [{}, basic_auth("phone", ""), basic_auth("phone", "x"), {"Authorization": "Bearer x"}]
)
@pytest.mark.parametrize("form", [{}, {"client_id": "phone"}])
def test_client_without_a_secret_cannot_introspect(
    client: FlaskClient, headers: dict[str, str], form: dict[str, str]
) -> None:
    presented = granted_tokens(token(client))["access_token"]
    response = client.post("/oauth/introspect", data={"token": presented, **form}, headers=headers)
    assert oauth_error(response, 401, "invalid_client") == "Unknown client or wrong secret"


def test_access_token_does_not_authenticate_a_client(client: FlaskClient) -> None:
    presented = granted_tokens(token(client))["access_token"]
    bearer = {"Authorization": f"Bearer {presented}"}
    response = client.post("/oauth/introspect", data={"token": presented}, headers=bearer)
    assert oauth_error(response, 401, "invalid_client")


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"Token": "x"}, {"access_token": "x"}])
def test_missing_token_parameter_is_rejected(client: FlaskClient, form: dict[str, str]) -> None:
    response = client.post(
        "/oauth/introspect", data=form, content_type="application/x-www-form-urlencoded", headers=REPORTS_AUTH
    )
    assert oauth_error(response, 400, "invalid_request") == "The parameter token is missing"


def test_introspection_works_without_sessions(static_environ: dict[str, str]) -> None:
    client = oauth_app(static_environ).test_client()
    assert introspection(introspect(client, granted_tokens(token(client))["access_token"]))["active"] is True
    assert is_inactive(introspect(client, "x"))
