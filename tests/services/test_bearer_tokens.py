"""Where the guard looks for a token, and what it answers when it finds no good one."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from services.tokens.issuer import TokenIssuer
from tests.support.signed_tokens import sign

PATH = "/api/protected_route"
HEADERS = ["X-Authorization", "X-Forwarded-Authorization", "X-Access-Token", "Proxy-Authorization", "Authorization-"]
NO_BEARER = ["", "Bearer", "Bearer ", "{}", "Bearer{}", "Bearer\t{}", "Bearer={}", "Bearer:{}", "Token {}", "JWT {}"]
NO_BEARER += ["DPoP {}", "Basic {}", "Negotiate, Bearer {}", '"Bearer" {}', "XBearer {}"]
NO_TOKEN = ["Bearer {0} {0}", "Bearer {0},{0}", "Bearer {0}, Basic x", 'Bearer "{0}"', "Bearer Bearer {0}", "Bearer é"]
NO_TOKEN += ["Bearer token={0}", "Bearer x", "Bearer {0}\t", "Bearer {0}\xa0", "Bearer null", "Bearer {0}="]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def token(issuer: TokenIssuer) -> str:
    return issuer.generate({"username": "zoé", "roles": ["user"]})


def ask(client: FlaskClient, authorization: str, path: str = PATH) -> TestResponse:
    return client.get(path, headers={"Authorization": authorization})


def refused(answer: TestResponse, status: int, challenge: str, message: str, code: str) -> bool:
    """Say whether this is the whole of the answer."""
    return (answer.status_code, answer.headers["WWW-Authenticate"], answer.headers["Cache-Control"], answer.json) == (
        status,
        challenge,
        "no-store",
        {"status": status, "message": message, "code": code},
    )


def missing(answer: TestResponse) -> bool:
    return refused(answer, 401, 'Bearer realm="latchkey"', "Missing access token", "missing_token")


def invalid(answer: TestResponse, why: str, code: str = "invalid_token") -> bool:
    challenge = 'Bearer error="invalid_token", realm="latchkey"'
    return refused(answer, 401, challenge, f"Invalid access token: {why}", code)


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "bEaReR   {}", "Bearer {}  "])
def test_a_bearer_token_is_found(client: FlaskClient, token: str, form: str) -> None:
    assert ask(client, form.format(token)).status_code == 200


def test_without_the_header_a_token_is_missing(client: FlaskClient) -> None:
    assert missing(client.get(PATH))


@pytest.mark.parametrize("form", NO_BEARER)
def test_what_is_no_bearer_token_counts_as_none(client: FlaskClient, token: str, form: str) -> None:
    assert missing(ask(client, form.format(token)))


@pytest.mark.parametrize("form", NO_TOKEN)
def test_more_or_less_than_one_token_is_invalid(client: FlaskClient, token: str, form: str) -> None:
    assert invalid(ask(client, form.format(token)), "not a JSON Web Token")


@pytest.mark.parametrize("first", ["Basic eDp5", "Bearer x", "Bearer", ""])
def test_a_second_authorization_header_does_not_count(client: FlaskClient, token: str, first: str) -> None:
    for headers in ([first, f"Bearer {token}"], [f"Bearer {token}", first or "Bearer x"]):
        answer = client.get(PATH, headers=Headers([("Authorization", value) for value in headers]))
        assert answer.status_code == 401


@pytest.mark.parametrize("name", HEADERS)
def test_another_header_does_not_count(client: FlaskClient, token: str, name: str) -> None:
    assert missing(client.get(PATH, headers={name: f"Bearer {token}"}))


@pytest.mark.parametrize("name", ["access_token", "token", "jwt", "bearer", "Authorization"])
def test_neither_a_query_nor_a_body_nor_a_cookie_counts(client: FlaskClient, token: str, name: str) -> None:
    elsewhere: list[dict[str, Any]] = [{"query_string": {name: value}} for value in (token, f"Bearer {token}")]
    elsewhere += [{"data": {name: token}}, {"json": {name: token}}]
    assert all(missing(client.get(PATH, **place)) for place in elsewhere)
    client.set_cookie(name, token)
    assert missing(client.get(PATH))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": "evil"}, "wrong issuer"),
        ({"aud": "evil"}, "wrong audience"),
        ({"roles": "super_admin"}, "claim roles is missing or has the wrong type"),
        ({"iat": 99999999999}, "not valid yet"),
    ],
)
def test_a_bad_token_is_401_and_says_why_in_our_words(
    client: FlaskClient, header: dict[str, Any], claims: dict[str, Any], changed: dict[str, Any], why: str
) -> None:
    token = sign(header, {**claims, **changed})
    assert invalid(ask(client, f"Bearer {token}"), why)
    assert invalid(ask(client, f"Bearer {token}", f"{PATH}_super_admin"), why)


def test_an_expired_token_has_a_code_of_its_own(
    client: FlaskClient, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    token = sign(header, {**claims, "exp": 1})
    assert invalid(ask(client, f"Bearer {token}"), "expired", "expired_token")
    assert invalid(ask(client, f"Bearer {token}", f"{PATH}_super_admin"), "expired", "expired_token")


def test_a_role_that_is_lacking_is_403(client: FlaskClient, token: str) -> None:
    challenge = 'Bearer error="insufficient_scope", realm="latchkey"'
    answer = ask(client, f"Bearer {token}", f"{PATH}_admin")
    assert refused(answer, 403, challenge, "Authorization required.", "role_required")
