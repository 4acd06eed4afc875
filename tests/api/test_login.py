"""`POST /api/auth`: the HTTP contract of a login, with every store."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from services.context import services_of
from services.jwt_handler import decode_jwt
from tests.support.error_responses import error_message
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE, SampleUser

STORES = ["static", "sqlite", "postgres", "ldap"]
USER_CLAIMS = ("username", "email", "roles", "idp")
LONGEST_USER = SampleUser("x" * 256, "long@example.org", "p" * 1024)

WRONG: dict[str, tuple[str, str]] = {
    "wrong password": (ZOE.username, "wrong"),
    "password in another case": (ZOE.username, ZOE.password.swapcase()),
    "password with a blank": (ZOE.username, f"{ZOE.password} "),
    "password of another user": (ZOE.username, SAMPLE_USERS[1].password),
    "unknown user": ("nobody", ZOE.password),
    "unknown address": ("nobody@example.org", ZOE.password),
    "login that matches two users": ("shared@example.org", SAME_EMAIL_USERS[1].password),
    "wildcard": ("*", ZOE.password),
    "prefix and wildcard": ("zo*", ZOE.password),
    "LDAP filter": ("*)(uid=*", ZOE.password),
    "SQL statement": ("' OR '1'='1", ZOE.password),
    "login of 257": ("x" * 257, ZOE.password),
    "password of 1025": (ZOE.username, "p" * 1025),
    "login of 16,000": ("x" * 16_000, ZOE.password),
    "password of NULs": (ZOE.username, "\0\0"),
    "password and NUL": (ZOE.username, f"{ZOE.password}\0"),
    "password and newline": (ZOE.username, f"{ZOE.password}\n"),
    "control character in the login": ("zo\x07é", ZOE.password),
    "NUL in the login": (f"{ZOE.username}\0", ZOE.password),
    "newline in the login": ("zo\né", ZOE.password),
    "C1 control character in the login": ("zo\x9fé", ZOE.password),
    "lone surrogate as login": ("\ud800", ZOE.password),
    "lone surrogate in the login": (f"{ZOE.username}\udfff", ZOE.password),
    "lone surrogate in the password": (ZOE.username, f"{ZOE.password}\ud83d"),
    "surrogates in the wrong order": (ZOE.username, "\udc00\ud800"),
}


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Flask:
    """An application with the store that the test names."""
    name = request.param
    environ = (
        request.getfixturevalue("slapd").environ() if name == "ldap" else request.getfixturevalue(f"{name}_environ")
    )
    return create_app({**environ, "SECRET_KEY": SECRET_KEY})


on_every_store = pytest.mark.parametrize("store", STORES, indirect=True)


def login(client: FlaskClient, email: object, password: object) -> TestResponse:
    return client.post("/api/auth", json={"email": email, "password": password})


def visible_to_client(response: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return everything that a client sees, except the request id."""
    assert len(response.headers.pop("X-Request-ID")) == 16
    return response.status_code, response.data, list(response.headers)


@on_every_store
@pytest.mark.parametrize("name", [ZOE.username, ZOE.email, ZOE.username.upper(), f"  {ZOE.username} "])
def test_correct_credentials_return_a_token(store: Flask, name: str) -> None:
    response = login(store.test_client(), name, ZOE.password)
    assert response.status_code == 200
    body: dict[str, Any] = response.get_json()
    token = body.pop("data")
    sessions = services_of(store).sessions is not None
    assert ("refresh_token" in body) == sessions
    body.pop("refresh_token", None)
    assert body == {"status": 200, "token_type": "Bearer", "expires_in": 3600}
    with store.app_context():
        claims = decode_jwt(token)
    assert (claims["sub"], claims["username"], claims["email"]) == (ZOE.username, ZOE.username, ZOE.email)
    assert sorted(claims["roles"]) == ["admin", "user"]
    assert claims["exp"] - claims["iat"] == 3600
    session_claims = {"sid"} if sessions else set()
    assert set(claims) == {"iss", "aud", "sub", "exp", "iat", "jti", "client_id", *USER_CLAIMS, *session_claims}


@on_every_store
def test_token_grants_access_by_its_roles(store: Flask) -> None:
    client = store.test_client()
    bearer = {"Authorization": f"Bearer {login(client, ZOE.username, ZOE.password).json['data']}"}  # type: ignore[index]
    paths = ["", "_user", "_admin", "_super_admin"]
    statuses = [client.get(f"/api/protected_route{path}", headers=bearer).status_code for path in paths]
    assert statuses == [200, 200, 200, 403]


@on_every_store
def test_all_denied_logins_have_the_same_response(store: Flask) -> None:
    client = store.test_client()
    first = login(client, ZOE.username, "wrong")
    assert error_message(first, 400, "invalid_credentials") == "Invalid credentials"
    expected = visible_to_client(first)
    assert [
        reason
        for reason, (name, password) in WRONG.items()
        if visible_to_client(login(client, name, password)) != expected
    ] == []


@on_every_store
def test_decomposed_unicode_credentials_log_in(store: Flask) -> None:
    name, password = normalize("NFD", ZOE.username), normalize("NFD", ZOE.password)
    assert (name, password) != (ZOE.username, ZOE.password)
    assert login(store.test_client(), name, password).status_code == 200


@pytest.mark.parametrize(
    "invalid", [None, "", " ", "\t\n", "\u3000", 5, 1.5, True, [], ["zoé"], {}, {"$ne": ""}, 10**400]
)
@pytest.mark.parametrize("field", ["email", "password"])
def test_blank_or_untyped_credential_is_missing(client: FlaskClient, field: str, invalid: object) -> None:
    response = login(client, **{"email": ZOE.email, "password": ZOE.password, field: invalid})
    assert error_message(response, 400, "missing_credentials") == "Email or password missing"


@pytest.mark.parametrize(
    "body", [{}, {"email": "x"}, {"password": "x"}, {"Email": "x", "Password": "x"}, {"username": "x", "password": "x"}]
)
def test_absent_credential_is_missing(client: FlaskClient, body: dict[str, str]) -> None:
    assert error_message(client.post("/api/auth", json=body), 400, "missing_credentials") == "Email or password missing"


def test_unknown_members_are_ignored(client: FlaskClient) -> None:
    body = {"email": ZOE.email, "password": ZOE.password, "roles": ["super_admin"], "lifetime": 99999}
    response = client.post("/api/auth?email=nobody&password=x", json=body)
    assert response.status_code == 200
    assert response.get_json()["expires_in"] == 3600
    bearer = {"Authorization": f"Bearer {response.get_json()['data']}"}
    assert client.get("/api/protected_route_super_admin", headers=bearer).status_code == 403


def test_disabled_user_gets_the_same_response_as_a_wrong_password(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    environ = users_file(path, [ZOE])
    path.write_text(f"{path.read_text('utf-8')}active = false\n", "utf-8")
    client = create_app({**environ, "SECRET_KEY": SECRET_KEY}).test_client()
    right, wrong = login(client, ZOE.username, ZOE.password), login(client, ZOE.username, "wrong")
    assert error_message(right, 400, "invalid_credentials") == "Invalid credentials"
    assert visible_to_client(right) == visible_to_client(wrong)


def test_longest_credentials_log_in_and_longer_ones_are_denied(tmp_path: Path) -> None:
    client = create_app({**users_file(tmp_path / "users.toml", [LONGEST_USER]), "SECRET_KEY": SECRET_KEY}).test_client()
    assert login(client, LONGEST_USER.username, LONGEST_USER.password).status_code == 200
    for name, password in [
        (f"{LONGEST_USER.username}x", LONGEST_USER.password),
        (LONGEST_USER.username, f"{LONGEST_USER.password}p"),
    ]:
        assert error_message(login(client, name, password), 400, "invalid_credentials") == "Invalid credentials"


def test_login_responses_are_not_cached_and_set_no_cookie(client: FlaskClient) -> None:
    responses = [
        login(client, ZOE.username, ZOE.password),
        login(client, ZOE.username, "wrong"),
        login(client, ZOE.username, None),
    ]
    assert [response.headers["Cache-Control"] for response in responses] == ["no-store"] * 3
    assert [response.headers.get("Set-Cookie") for response in responses] == [None] * 3


def test_passwords_and_tokens_are_never_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = login(client, ZOE.username, ZOE.password).get_json()["data"]
    login(client, ZOE.username, f"{ZOE.password}!")
    assert "login_accepted" in caplog.text
    assert "login_denied reason=wrong_password" in caplog.text
    assert ZOE.password not in caplog.text
    assert token not in caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "TRACE"])
def test_login_accepts_only_post(client: FlaskClient, method: str) -> None:
    response = client.open("/api/auth", method=method, json={"email": ZOE.email, "password": ZOE.password})
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_users_of_a_provider_that_is_not_selected_cannot_log_in(sqlite_environ: dict[str, str], tmp_path: Path) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **sqlite_environ}
    other = replace(ZOE, username="other", email="other@example.org")
    static = {**environ, **users_file(tmp_path / "users.toml", [other])}
    database = {**environ, "STATIC_USERS_FILE": static["STATIC_USERS_FILE"]}
    for selected, person, excluded in ((static, other, ZOE), (database, ZOE, other)):
        client = create_app(selected).test_client()
        assert login(client, person.username, ZOE.password).status_code == 200
        assert error_message(login(client, excluded.username, ZOE.password), 400, "invalid_credentials")
