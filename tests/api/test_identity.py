"""`/api/auth/me` and `/api/auth/verify`: the caller's identity, for the caller and for a reverse proxy."""

import re
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.context import services_of
from services.tokens.issuer import TokenIssuer
from tests.support.error_responses import error_message
from tests.support.users import SAMPLE_USERS, SampleUser

ME, VERIFY = "/api/auth/me", "/api/auth/verify"
IDENTITY_HEADERS = ("X-Auth-User", "X-Auth-Idp", "X-Auth-Email", "X-Auth-Roles")
FORGED_HEADERS = {
    "X-Auth-User": "root",
    "X-Auth-Idp": "root",
    "X-Auth-Email": "root@evil.example",
    "X-Auth-Roles": "admin,super_admin",
    "X-Auth-Admin": "1",
}
UNUSUAL = [
    "a\r\nX-Auth-Roles: admin",
    "a\nb",
    "a\rb",
    "a\x01b",
    "\x7f",
    "\x85",
    "\u2028",
    "tab\there",
    "%41",
    "%",
    "%C3%A9",
]
UNUSUAL += ["a,b", ",", "a;b", '"a"', "\\", "a=b", "+", "é", "e\u0301", "日本", "\U0001f511", "=?utf-8?q?x?=", "a  b"]
BLANK = [" admin", "admin ", " ", "\tadmin", "\u00a0admin", "\u3000"]
# A header value that servers and proxies do not change.
UNCHANGED_IN_TRANSIT = re.compile(r"[\x21-\x7E]([\x20-\x7E]*[\x21-\x7E])?|")


@pytest.fixture
def issuer(app: Flask) -> TokenIssuer:
    return services_of(app).issuer


def ask(client: FlaskClient, path: str, token: str | None, **headers: str) -> TestResponse:
    return client.get(path, headers={"Authorization": f"Bearer {token}", **headers} if token else headers)


def forwarded_identity(response: TestResponse) -> tuple[str, str, str, list[str]]:
    """Return the user, the provider, the email and the roles that an application behind the proxy reads."""
    assert response.status_code == 200, response.text
    assert [name for name, _ in response.headers if name.startswith("X-Auth-")] == list(IDENTITY_HEADERS)
    user, idp, email, roles = (response.headers[name] for name in IDENTITY_HEADERS)
    assert [text for text in (user, idp, email, roles) if not UNCHANGED_IN_TRANSIT.fullmatch(text)] == []
    return unquote(user), unquote(idp), unquote(email), [unquote(role) for role in roles.split(",")] if roles else []


@pytest.mark.parametrize("person", SAMPLE_USERS, ids=lambda person: person.username)
def test_identity_after_a_login_is_that_of_the_store(client: FlaskClient, person: SampleUser) -> None:
    token = client.post("/api/auth", json={"email": person.email, "password": person.password}).get_json()["data"]
    user, idp, email, roles = forwarded_identity(ask(client, VERIFY, token))
    assert (user, idp, email, sorted(roles)) == (person.username, "static", person.email, sorted(person.roles))
    response = ask(client, ME, token)
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    identity = {"sub": person.username, "username": person.username, "email": person.email, "idp": "static"}
    assert response.json == {"status": 200, "data": {**identity, "roles": response.get_json()["data"]["roles"]}}
    assert sorted(response.get_json()["data"]["roles"]) == sorted(person.roles)


@pytest.mark.parametrize("text", [*UNUSUAL, *BLANK])
def test_header_values_survive_and_cannot_inject_a_header(client: FlaskClient, issuer: TokenIssuer, text: str) -> None:
    token = issuer.generate({"username": text, "idp": text, "email": text, "roles": [text, "user", f"{text}x"]})
    assert forwarded_identity(ask(client, VERIFY, token)) == (text, text, text, [text, "user", f"{text}x"])


def test_users_of_two_providers_with_the_same_username_are_distinguished(
    client: FlaskClient, issuer: TokenIssuer
) -> None:
    tokens = [issuer.generate({"username": "lena", "idp": idp}) for idp in ("database", "ldap", "acme.store:Users")]
    identities = [forwarded_identity(ask(client, VERIFY, token))[:2] for token in tokens]
    assert identities == [("lena", "database"), ("lena", "ldap"), ("lena", "acme.store:Users")]


@pytest.mark.parametrize("absent", [{}, {"email": None}])
def test_verify_sets_all_four_headers_even_if_empty(
    client: FlaskClient, issuer: TokenIssuer, absent: dict[str, Any]
) -> None:
    token = issuer.generate({"username": "zoé", "roles": [], **absent})
    assert forwarded_identity(ask(client, VERIFY, token, **FORGED_HEADERS)) == ("zoé", "", "", [])
    assert ask(client, ME, token).get_json()["data"]["email"] is None


def test_only_the_identity_claims_are_returned(client: FlaskClient, issuer: TokenIssuer) -> None:
    token = issuer.generate({"username": "zoé", "idp": "static", "client_id": "x", "sid": "y", "own": "z"})
    assert set(ask(client, ME, token).get_json()["data"]) == {"sub", "username", "email", "roles", "idp"}
    response = ask(client, VERIFY, token)
    assert response.json == {"status": 200, "message": "Access granted"}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?", 200),
        ("?role=user", 200),
        ("?role=editor", 200),
        ("?role=admin&role=user", 200),
        ("?role=user&role=admin", 200),
        ("?role=r%C3%B4le", 200),
        ("?role=a,b", 200),
        ("?role=a%20b", 200),
        ("?role=a+b", 200),
        ("?role=admin", 403),
        ("?role=admin&role=super_admin", 403),
        ("?role=", 403),
        ("?role", 403),
        ("?role=&role=", 403),
        ("?role=User", 403),
        ("?role=use", 403),
        ("?role=user%20", 403),
        ("?role=user%00", 403),
        ("?role=user,editor", 403),
        ("?role=%ff", 403),
        ("?role=*", 403),
    ],
)
def test_verify_requires_one_of_the_roles_in_the_query(
    client: FlaskClient, issuer: TokenIssuer, query: str, status: int
) -> None:
    token = issuer.generate({"username": "zoé", "roles": ["user", "editor", "rôle", "a,b", "a b"]})
    response = ask(client, f"{VERIFY}{query}", token)
    assert response.status_code == status
    if status == 403:
        assert error_message(response, 403, "role_required") == "Authorization required."
        assert response.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", realm="latchkey"'


@pytest.mark.parametrize(
    "query", ["roles=admin", "Role=admin", "role[]=admin", "rôle=x", "=admin", "admin", "role%00=x"]
)
@pytest.mark.parametrize("prefix", ["", "role=user&"])
def test_verify_rejects_an_unknown_parameter(client: FlaskClient, issuer: TokenIssuer, query: str, prefix: str) -> None:
    token = issuer.generate({"username": "zoé", "roles": ["user", "admin"]})
    message = error_message(ask(client, f"{VERIFY}?{prefix}{query}", token), 400, "bad_request")
    assert "The only parameter is role" in message
    assert error_message(ask(client, f"{VERIFY}?{prefix}{query}", None), 401, "missing_token")


@pytest.mark.parametrize("path", [ME, VERIFY, f"{VERIFY}?role=admin"])
def test_missing_or_invalid_token_is_401(client: FlaskClient, issuer: TokenIssuer, path: str) -> None:
    missing = ask(client, path, None)
    assert error_message(missing, 401, "missing_token")
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="latchkey"'
    expired = issuer.generate({"username": "zoé", "roles": ["admin"]}, lifetime=-1)
    for token, code in (("x", "invalid_token"), (f"{expired}x", "invalid_token"), (expired, "expired_token")):
        response = ask(client, path, token)
        assert error_message(response, 401, code)
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token", realm="latchkey"'


@pytest.mark.parametrize("path", [ME, VERIFY, f"{VERIFY}?role=admin", f"{VERIFY}?x=y", f"{VERIFY}x"])
def test_identity_headers_of_the_client_are_ignored(client: FlaskClient, issuer: TokenIssuer, path: str) -> None:
    valid = issuer.generate({"username": "zoé", "idp": "ldap", "email": "zoe@example.org", "roles": ["user"]})
    for token in (None, "x", valid):
        response = ask(client, path, token, **FORGED_HEADERS)
        assert "root" not in response.text
        headers = {name: text for name, text in response.headers if name.lower().startswith("x-auth")}
        texts = ("zo%C3%A9", "ldap", "zoe@example.org", "user")
        expected = dict(zip(IDENTITY_HEADERS, texts, strict=True))
        assert headers == (expected if (path, token) == (VERIFY, valid) else {})


@pytest.mark.parametrize("path", [ME, VERIFY, f"{VERIFY}?role=admin", f"{VERIFY}?role=user", f"{VERIFY}?x=y"])
def test_head_has_the_status_and_headers_of_get_and_no_body(
    client: FlaskClient, issuer: TokenIssuer, path: str
) -> None:
    token = issuer.generate({"username": "zoé", "roles": ["user"]})
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        head, get = client.head(path, headers=headers), client.get(path, headers=headers)
        assert (head.status_code, head.data) == (get.status_code, b"")
        for response in (head, get):
            response.headers.remove("X-Request-ID")
        assert list(head.headers) == list(get.headers)


@pytest.mark.parametrize("path", [ME, VERIFY])
def test_other_methods_are_405(client: FlaskClient, issuer: TokenIssuer, path: str) -> None:
    bearer = {"Authorization": f"Bearer {issuer.generate({'username': 'zoé'})}"}
    for method in ("POST", "PUT", "DELETE", "TRACE"):
        assert error_message(client.open(path, method=method, headers=bearer), 405, "method_not_allowed")


def test_largest_identity_that_fits_into_a_token_is_returned(client: FlaskClient, issuer: TokenIssuer) -> None:
    roles = [f"役割{number:03}" for number in range(200)]
    token = issuer.generate({"username": "名" * 100, "email": "名" * 100, "roles": roles})
    assert forwarded_identity(ask(client, VERIFY, token)) == ("名" * 100, "", "名" * 100, roles)


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "DELETE"])
def test_verify_grants_access_only_to_get(client: FlaskClient, method: str) -> None:
    error_message(client.open("/api/auth/verify", method=method), 405, "method_not_allowed")


@pytest.mark.parametrize("path", [VERIFY, f"{VERIFY}?role=admin", f"{VERIFY}/socket"])
def test_upgrade_to_websocket_is_verified(client: FlaskClient, issuer: TokenIssuer, path: str) -> None:
    """A proxy sends the `Upgrade` of the client, which the application behind it will answer."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    token = issuer.generate({"username": "zoé", "roles": ["admin"]})
    assert ask(client, path, token, **upgrade).status_code == 200
    assert ask(client, path, None, **upgrade).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/orders", "/orders/7/?role=admin&x=y", "/%E5%90%8D", "/a%2520b"])
def test_path_and_method_of_the_clients_request_are_ignored(
    client: FlaskClient, issuer: TokenIssuer, method: str, path: str
) -> None:
    """Envoy appends the path of the client's request, and sends its method."""
    token = issuer.generate({"username": "zoé", "idp": "ldap", "roles": ["user"]})
    response = client.open(VERIFY + path, method=method, headers={"Authorization": f"Bearer {token}"})
    assert forwarded_identity(response) == ("zoé", "ldap", "", ["user"])
    assert client.open(VERIFY + path, method=method).status_code == 401
