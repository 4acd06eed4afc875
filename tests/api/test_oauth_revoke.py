"""`POST /oauth/revoke` (RFC 7009): a client revokes its own tokens, and no others."""

import time

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.context import services_of
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
from tests.support.users import ZOE

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return oauth_app(sqlite_environ)


def revoke(client: FlaskClient, presented: str, headers: dict[str, str] = REPORTS_AUTH, **more: str) -> TestResponse:
    return client.post("/oauth/revoke", data={"token": presented, **more}, headers=headers)


def succeeded(response: TestResponse) -> bool:
    """Return whether the response is the success of RFC 7009 §2.2."""
    assert (response.headers.get("Cache-Control"), response.mimetype) == ("no-store", "application/json"), response.text
    return (response.status_code, response.get_json()) == (200, {})


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_revoking_one_token_revokes_all_tokens_of_the_session(client: FlaskClient, kind: str, hint: str) -> None:
    members = granted_tokens(token(client))
    assert succeeded(revoke(client, members[kind], token_type_hint=hint))
    assert oauth_error(refresh(client, members["refresh_token"]), 400, "invalid_grant")
    bearer = {"Authorization": f"Bearer {members['access_token']}"}
    assert error_message(client.get("/api/auth/me", headers=bearer), 401, "revoked_token")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_an_earlier_token_revokes_its_successors(client: FlaskClient, kind: str) -> None:
    first = granted_tokens(token(client))
    second = granted_tokens(refresh(client, first["refresh_token"]))
    assert succeeded(revoke(client, first[kind]))
    assert oauth_error(refresh(client, second["refresh_token"]), 400, "invalid_grant")
    assert not is_active(client, second["access_token"])


def test_other_sessions_of_the_user_stay_valid(client: FlaskClient) -> None:
    ended, same_client, other_client = (
        granted_tokens(token(client)),
        granted_tokens(token(client)),
        granted_tokens(token(client, OTHER_AUTH)),
    )
    assert succeeded(revoke(client, ended["refresh_token"]))
    assert is_active(client, same_client["access_token"])
    assert is_active(client, other_client["access_token"])
    assert granted_tokens(refresh(client, same_client["refresh_token"]))
    assert granted_tokens(refresh(client, other_client["refresh_token"], OTHER_AUTH))


def test_access_token_without_a_session_is_revoked_alone(app: Flask) -> None:
    issuer, client = services_of(app).issuer, app.test_client()
    ended, kept = (issuer.generate({"username": "zoé", "client_id": "reports"}) for _ in range(2))
    assert succeeded(revoke(client, ended))
    assert (is_active(client, ended), is_active(client, kept)) == (False, True)


def test_public_client_can_revoke_its_tokens(client: FlaskClient) -> None:
    members = granted_tokens(token(client, {}, client_id="phone"))
    assert succeeded(revoke(client, members["refresh_token"], {}, client_id="phone"))
    assert not is_active(client, members["access_token"])


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_token_of_another_client_cannot_be_revoked(client: FlaskClient, kind: str) -> None:
    members = granted_tokens(token(client))
    attempts = [revoke(client, members[kind], OTHER_AUTH), revoke(client, members[kind], {}, client_id="phone")]
    for response in attempts:
        assert oauth_error(response, 400, "unauthorized_client") == "The token was issued to another client"
        assert response.headers["Cache-Control"] == "no-store"
    assert is_active(client, members["access_token"])
    assert granted_tokens(refresh(client, members["refresh_token"]))


@pytest.mark.parametrize("kind", ["data", "refresh_token"])
def test_first_party_tokens_cannot_be_revoked_by_a_client(client: FlaskClient, kind: str) -> None:
    login = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()
    assert oauth_error(revoke(client, login[kind]), 400, "unauthorized_client")
    assert is_active(client, login["data"])
    assert client.post("/api/auth/refresh", json={"refresh_token": login["refresh_token"]}).status_code == 200


@pytest.mark.parametrize(
    "presented",
    ["x", " ", "\0", "é", "a.b.c", "x.y", "x" * 9000, "a" * 22 + "." + "b" * 43, "eyJhbGciOiJub25lIn0.e30."],
)
def test_revoking_a_malformed_token_succeeds(client: FlaskClient, presented: str) -> None:
    assert succeeded(revoke(client, presented))


def test_revoking_a_token_twice_succeeds(client: FlaskClient) -> None:
    members = granted_tokens(token(client))
    tokens = [members["access_token"], members["refresh_token"]] * 2
    assert all(succeeded(revoke(client, presented)) for presented in tokens)


def test_revoking_an_expired_token_succeeds(client: FlaskClient) -> None:
    members = granted_tokens(token(client))
    with time_machine.travel(time.time() + 366 * 86_400):
        assert succeeded(revoke(client, members["access_token"]))
        assert succeeded(revoke(client, members["refresh_token"]))


def test_client_must_authenticate_to_revoke(client: FlaskClient) -> None:
    members = granted_tokens(token(client))
    for headers in ({}, {"Authorization": f"Bearer {members['access_token']}"}):
        response = revoke(client, members["refresh_token"], headers)
        assert oauth_error(response, 401, "invalid_client")
    assert is_active(client, members["access_token"])


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"refresh_token": "x"}])
def test_missing_token_parameter_is_rejected(client: FlaskClient, form: dict[str, str]) -> None:
    response = client.post("/oauth/revoke", data=form, content_type=FORM, headers=REPORTS_AUTH)
    assert oauth_error(response, 400, "invalid_request") == "The parameter token is missing"


def test_revocation_without_sessions_is_unsupported(static_environ: dict[str, str]) -> None:
    client = oauth_app(static_environ).test_client()
    access_token = granted_tokens(token(client))["access_token"]
    assert oauth_error(revoke(client, access_token), 400, "unsupported_token_type")
    assert is_active(client, access_token)
