"""Where the guard reads the access token, and its responses to a missing or invalid one."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from services.tokens.issuer import TokenIssuer
from tests.support.signed_tokens import sign

PATH = "/api/protected_route"
OTHER_HEADERS = ["X-Authorization", "X-Forwarded-Authorization", "X-Access-Token", "Proxy-Authorization"]
OTHER_HEADERS += ["Authorization-"]
OTHER_SCHEMES = ["", "Bearer", "Bearer ", "{}", "Bearer{}", "Bearer\t{}", "Bearer={}", "Bearer:{}", "Token {}"]
OTHER_SCHEMES += ["JWT {}", "DPoP {}", "Basic {}", "Negotiate, Bearer {}", '"Bearer" {}', "XBearer {}"]
MALFORMED = ["Bearer {0} {0}", "Bearer {0},{0}", "Bearer {0}, Basic x", 'Bearer "{0}"', "Bearer Bearer {0}", "Bearer é"]
MALFORMED += ["Bearer token={0}", "Bearer x", "Bearer {0}\t", "Bearer {0}\xa0", "Bearer null", "Bearer {0}="]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def token(issuer: TokenIssuer) -> str:
    return issuer.generate({"username": "zoé", "roles": ["user"]})


def call(client: FlaskClient, authorization: str, path: str = PATH) -> TestResponse:
    return client.get(path, headers={"Authorization": authorization})


def is_response(response: TestResponse, status: int, challenge: str, message: str, code: str) -> bool:
    """Return whether the response has exactly this status, challenge and body."""
    return (
        response.status_code,
        response.headers["WWW-Authenticate"],
        response.headers["Cache-Control"],
        response.json,
    ) == (
        status,
        challenge,
        "no-store",
        {"status": status, "message": message, "code": code},
    )


def is_missing_token(response: TestResponse) -> bool:
    return is_response(response, 401, 'Bearer realm="latchkey"', "Missing access token", "missing_token")


def is_invalid_token(response: TestResponse, reason: str, code: str = "invalid_token") -> bool:
    challenge = 'Bearer error="invalid_token", realm="latchkey"'
    return is_response(response, 401, challenge, f"Invalid access token: {reason}", code)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "bEaReR   {}", "Bearer {}  "])
def test_bearer_token_is_accepted(client: FlaskClient, token: str, form: str) -> None:
    assert call(client, form.format(token)).status_code == 200


def test_request_without_the_header_has_no_token(client: FlaskClient) -> None:
    assert is_missing_token(client.get(PATH))


@pytest.mark.parametrize("form", OTHER_SCHEMES)
def test_other_scheme_is_a_missing_token(client: FlaskClient, token: str, form: str) -> None:
    assert is_missing_token(call(client, form.format(token)))


@pytest.mark.parametrize("form", MALFORMED)
def test_more_or_less_than_one_token_is_invalid(client: FlaskClient, token: str, form: str) -> None:
    assert is_invalid_token(call(client, form.format(token)), "not a JSON Web Token")


@pytest.mark.parametrize("first", ["Basic eDp5", "Bearer x", "Bearer", ""])
def test_two_authorization_headers_are_rejected(client: FlaskClient, token: str, first: str) -> None:
    for headers in ([first, f"Bearer {token}"], [f"Bearer {token}", first or "Bearer x"]):
        response = client.get(PATH, headers=Headers([("Authorization", value) for value in headers]))
        assert response.status_code == 401


@pytest.mark.parametrize("name", OTHER_HEADERS)
def test_other_header_is_ignored(client: FlaskClient, token: str, name: str) -> None:
    assert is_missing_token(client.get(PATH, headers={name: f"Bearer {token}"}))


@pytest.mark.parametrize("name", ["access_token", "token", "jwt", "bearer", "Authorization"])
def test_query_body_and_cookie_are_ignored(client: FlaskClient, token: str, name: str) -> None:
    elsewhere: list[dict[str, Any]] = [{"query_string": {name: value}} for value in (token, f"Bearer {token}")]
    elsewhere += [{"data": {name: token}}, {"json": {name: token}}]
    assert all(is_missing_token(client.get(PATH, **place)) for place in elsewhere)
    client.set_cookie(name, token)
    assert is_missing_token(client.get(PATH))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "evil"}, "wrong issuer"),
        ({"aud": "evil"}, "wrong audience"),
        ({"roles": "super_admin"}, "claim roles is missing or has the wrong type"),
        ({"iat": 99999999999}, "not valid yet"),
    ],
)
def test_invalid_token_is_401_with_the_reason(
    client: FlaskClient, header: dict[str, Any], claims: dict[str, Any], changed: dict[str, Any], reason: str
) -> None:
    token = sign(header, {**claims, **changed})
    assert is_invalid_token(call(client, f"Bearer {token}"), reason)
    assert is_invalid_token(call(client, f"Bearer {token}", f"{PATH}_super_admin"), reason)


def test_expired_token_has_its_own_code(client: FlaskClient, header: dict[str, Any], claims: dict[str, Any]) -> None:
    token = sign(header, {**claims, "exp": 1})
    assert is_invalid_token(call(client, f"Bearer {token}"), "expired", "expired_token")
    assert is_invalid_token(call(client, f"Bearer {token}", f"{PATH}_super_admin"), "expired", "expired_token")


def test_missing_role_is_403(client: FlaskClient, token: str) -> None:
    challenge = 'Bearer error="insufficient_scope", realm="latchkey"'
    response = call(client, f"Bearer {token}", f"{PATH}_admin")
    assert is_response(response, 403, challenge, "Authorization required.", "role_required")
