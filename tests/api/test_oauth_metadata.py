"""What OAuth clients read: the metadata (RFC 8414), and the access token itself (RFC 9068)."""

import json
from typing import Any

import jwt
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, run_wsgi_app

from services.context import services_of
from tests.support.error_responses import error_message
from tests.support.oauth import PASSWORD_GRANT, granted_tokens, oauth_app, refresh, token
from tests.support.users import ZOE

PATH = "/.well-known/oauth-authorization-server"
URL = "https://auth.example.org"
ENDPOINTS = {
    "token_endpoint": "/oauth/token",
    "introspection_endpoint": "/oauth/introspect",
    "revocation_endpoint": "/oauth/revoke",
    "jwks_uri": "/.well-known/jwks.json",
}
WITH_SECRET = ["client_secret_basic", "client_secret_post"]
FORGED_HEADERS = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=http",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Prefix": "/evil",
}


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return oauth_app(sqlite_environ, JWT_ISSUER=URL)


def metadata(client: FlaskClient, **headers: str) -> dict[str, Any]:
    response = client.get(PATH, headers=headers)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    members: dict[str, Any] = response.get_json()
    return members


def test_metadata_is_complete(client: FlaskClient) -> None:
    assert metadata(client) == {
        "issuer": URL,
        **{name: f"{URL}{path}" for name, path in ENDPOINTS.items()},
        "token_endpoint_auth_methods_supported": [*WITH_SECRET, "none"],
        "introspection_endpoint_auth_methods_supported": WITH_SECRET,
        "revocation_endpoint_auth_methods_supported": [*WITH_SECRET, "none"],
        "grant_types_supported": ["password", "refresh_token"],
        "response_types_supported": ["none"],
    }


def test_endpoints_in_the_metadata_exist(client: FlaskClient) -> None:
    members = metadata(client)
    for name in ENDPOINTS:
        path = members[name].removeprefix(URL)
        assert client.open(path, method="GET" if name == "jwks_uri" else "POST").status_code in {200, 400}


def test_issuer_equals_the_issuer_of_the_tokens(app: Flask) -> None:
    client = app.test_client()
    claims = services_of(app).issuer.decode(granted_tokens(token(client))["access_token"])
    assert claims["iss"] == metadata(client)["issuer"]


@pytest.mark.parametrize("name", FORGED_HEADERS)
def test_request_headers_do_not_change_the_metadata(client: FlaskClient, name: str) -> None:
    assert metadata(client, **{name: FORGED_HEADERS[name]}) == metadata(client)


@pytest.mark.parametrize(
    ("issuer", "base"),
    [(f"{URL}/", URL), (f"{URL}:8443/tenant/", f"{URL}:8443/tenant"), ("http://[::1]", "http://[::1]")],
)
def test_issuer_can_have_a_port_and_a_path(sqlite_environ: dict[str, str], issuer: str, base: str) -> None:
    members = metadata(oauth_app(sqlite_environ, JWT_ISSUER=issuer).test_client(), Host="evil.example")
    assert members["issuer"] == issuer
    assert {name: members[name] for name in ENDPOINTS} == {name: f"{base}{path}" for name, path in ENDPOINTS.items()}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", f"{PATH}/tenant/a"])
def test_metadata_is_at_the_other_places_where_clients_look(sqlite_environ: dict[str, str], path: str) -> None:
    client = oauth_app(sqlite_environ, JWT_ISSUER=f"{URL}/tenant/a/").test_client()
    assert client.get(path).json == metadata(client)


@pytest.mark.parametrize("path", ["/tenant", "/tenant/a/b", "/tenant/a/", "/x"])
def test_metadata_of_another_issuer_is_404(sqlite_environ: dict[str, str], path: str) -> None:
    client = oauth_app(sqlite_environ, JWT_ISSUER=f"{URL}/tenant/a").test_client()
    assert error_message(client.get(PATH + path), 404, "not_found")


@pytest.mark.parametrize("setting", ["true", "false"])
def test_metadata_is_valid_for_authlib(sqlite_environ: dict[str, str], setting: str) -> None:
    client = oauth_app(sqlite_environ, JWT_ISSUER=URL, OAUTH_PASSWORD_GRANT=setting).test_client()
    AuthorizationServerMetadata(metadata(client)).validate()


@pytest.mark.parametrize("host", ["evil.example", "evil.example/x?", "a b", "", 'e"vil', "[::1", "a@b", "xn--", "a,b"])
def test_no_host_header_changes_the_metadata_or_is_an_error(app: Flask, host: str) -> None:
    # Werkzeug's test client rejects such a host, so the application is called as a server would.
    environ = {**EnvironBuilder(PATH).get_environ(), "HTTP_HOST": host}
    body, _, _ = run_wsgi_app(app, environ, buffered=True)
    assert json.loads(b"".join(body)) == metadata(app.test_client())


@pytest.mark.parametrize("issuer", ["latchkey", "urn:example:auth", "auth.example.org", "https:", "ftp://x.example"])
def test_issuer_that_is_not_a_url_has_no_metadata(sqlite_environ: dict[str, str], issuer: str) -> None:
    response = oauth_app(sqlite_environ, JWT_ISSUER=issuer).test_client().get(PATH)
    assert "JWT_ISSUER" in error_message(response, 404, "not_found")


def test_metadata_without_sessions_has_no_refresh_and_no_revocation(static_environ: dict[str, str]) -> None:
    members = metadata(oauth_app(static_environ, JWT_ISSUER=URL).test_client())
    assert members["grant_types_supported"] == ["password"]
    assert [name for name in members if name.startswith("revocation")] == []


def test_disabled_password_grant_is_not_listed(sqlite_environ: dict[str, str]) -> None:
    for setting in ("", "false"):
        client = oauth_app(sqlite_environ, JWT_ISSUER=URL, OAUTH_PASSWORD_GRANT=setting).test_client()
        assert metadata(client)["grant_types_supported"] == ["refresh_token"]


def test_listed_authentication_methods_work(client: FlaskClient) -> None:
    assert metadata(client)["token_endpoint_auth_methods_supported"] == [*WITH_SECRET, "none"]
    public = {**PASSWORD_GRANT, "client_id": "phone"}
    assert granted_tokens(client.post("/oauth/token", data=public))


@pytest.mark.parametrize("endpoint", ["login", "refresh", "token", "token refreshed"])
def test_access_token_has_the_claims_that_rfc_9068_requires(client: FlaskClient, endpoint: str) -> None:
    credentials = {"email": ZOE.email, "password": ZOE.password}
    if endpoint.startswith("token"):
        members = granted_tokens(token(client))
        access_token = (
            granted_tokens(refresh(client, members["refresh_token"])) if "refreshed" in endpoint else members
        )["access_token"]
    else:
        login = client.post("/api/auth", json=credentials).get_json()
        again = {"refresh_token": login["refresh_token"]}
        access_token = (login if endpoint == "login" else client.post("/api/auth/refresh", json=again).get_json())[
            "data"
        ]
    header, claims = (
        jwt.get_unverified_header(access_token),
        jwt.decode(access_token, options={"verify_signature": False}),
    )
    assert set(header) == {"typ", "alg", "kid"}
    assert (header["typ"], header["alg"]) == ("at+jwt", "HS256")
    assert {name: type(claims[name]) for name in ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")} == {
        "iss": str, "exp": int, "aud": str, "sub": str, "client_id": str, "iat": int, "jti": str,
    }  # fmt: skip
    assert (claims["iss"], claims["sub"]) == (URL, ZOE.username)
    assert claims["client_id"] == ("reports" if endpoint.startswith("token") else "latchkey")


def test_access_tokens_have_unique_ids(app: Flask) -> None:
    issuer, client = services_of(app).issuer, app.test_client()
    first = granted_tokens(token(client))
    tokens = [first, granted_tokens(token(client)), granted_tokens(refresh(client, first["refresh_token"]))]
    ids = [issuer.decode(members["access_token"])["jti"] for members in tokens]
    assert len(set(ids)) == 3
    assert min(map(len, ids)) >= 22


def test_token_generated_by_a_view_has_a_client_id(app: Flask) -> None:
    issuer = services_of(app).issuer
    assert issuer.decode(issuer.generate({"username": "zoé"}))["client_id"] == "latchkey"
