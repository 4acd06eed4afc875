"""How an OAuth client authenticates at `/oauth/…` (RFC 6749 §2.3.1)."""

import base64
from urllib.parse import quote, quote_plus

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.oauth import (
    CLIENTS,
    FORM,
    OTHER_SECRET,
    PASSWORD_GRANT,
    REPORTS_AUTH,
    SECRET,
    basic_auth,
    granted_tokens,
    oauth_app,
    oauth_error,
    token,
)

ENDPOINTS = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"]
COMPLETE_FORM = {**PASSWORD_GRANT, "token": "x"}


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return oauth_app(sqlite_environ)


@pytest.mark.parametrize("encode", [str, quote, quote_plus, lambda text: quote(text, safe="")])
def test_secret_in_the_header_can_be_form_encoded_or_plain(client: FlaskClient, encode: type[str]) -> None:
    assert granted_tokens(token(client, basic_auth("reports", encode(SECRET))))


def test_client_id_in_the_header_can_be_form_encoded(sqlite_environ: dict[str, str]) -> None:
    # Spring uses Java's URLEncoder, which also encodes the tilde.
    client = oauth_app(sqlite_environ, OAUTH_CLIENTS=f"app~1:{SECRET}").test_client()
    assert granted_tokens(token(client, basic_auth("app~1", quote_plus(SECRET))))
    assert granted_tokens(token(client, basic_auth("app%7E1", quote_plus(SECRET))))


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "bAsIc"])
def test_scheme_is_case_insensitive(client: FlaskClient, scheme: str) -> None:
    assert granted_tokens(token(client, {"Authorization": REPORTS_AUTH["Authorization"].replace("Basic", scheme)}))


def test_secret_in_the_form_is_accepted(client: FlaskClient) -> None:
    assert granted_tokens(token(client, {}, client_id="reports", client_secret=SECRET))


def test_public_client_authenticates_with_its_id_only(client: FlaskClient) -> None:
    assert granted_tokens(token(client, {}, client_id="phone"))
    assert granted_tokens(token(client, {}, client_id="phone", client_secret=""))
    assert granted_tokens(token(client, basic_auth("phone", "")))


def test_same_client_id_in_header_and_form_is_accepted(client: FlaskClient) -> None:
    assert granted_tokens(token(client, client_id="reports", client_secret=""))


@pytest.mark.parametrize(
    "form",
    [
        {"client_id": "other"},
        {"client_id": "phone"},
        {"client_secret": SECRET},
        {"client_id": "reports", "client_secret": SECRET},
        {"client_id": "other", "client_secret": OTHER_SECRET},
    ],
)
def test_multiple_client_authentication_methods_are_rejected(client: FlaskClient, form: dict[str, str]) -> None:
    response = token(client, REPORTS_AUTH, **form)
    assert oauth_error(response, 400, "invalid_request") == "Multiple client authentication methods"


WRONG_CREDENTIALS: dict[str, dict[str, str]] = {
    "nothing": {},
    "no secret": {"client_id": "reports"},
    "empty secret": {"client_id": "reports", "client_secret": ""},
    "wrong secret": {"client_id": "reports", "client_secret": OTHER_SECRET},
    "secret in another case": {"client_id": "reports", "client_secret": SECRET.swapcase()},
    "secret and more": {"client_id": "reports", "client_secret": f"{SECRET}x"},
    "secret cut short": {"client_id": "reports", "client_secret": SECRET[:-1]},
    "secret and NUL": {"client_id": "reports", "client_secret": f"{SECRET}\0"},
    "secret that is not ASCII": {"client_id": "reports", "client_secret": "é" * 40},
    "public with a secret": {"client_id": "phone", "client_secret": SECRET},
    "secret alone": {"client_secret": SECRET},
    "unknown": {"client_id": "nobody", "client_secret": SECRET},
    "unknown and public": {"client_id": "nobody"},
    "first-party client": {"client_id": "latchkey"},
    "id in another case": {"client_id": "Reports", "client_secret": SECRET},
    "id with a blank": {"client_id": "reports ", "client_secret": SECRET},
    "id and secret in one": {"client_id": f"reports:{SECRET}"},
    "the whole list": {"client_id": CLIENTS},
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", WRONG_CREDENTIALS)
def test_client_with_wrong_credentials_is_rejected(client: FlaskClient, endpoint: str, name: str) -> None:
    response = client.post(endpoint, data={**COMPLETE_FORM, **WRONG_CREDENTIALS[name]})
    assert oauth_error(response, 401, "invalid_client") == "Unknown client or wrong secret"
    assert response.headers["WWW-Authenticate"] == 'Basic realm="latchkey"'


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


INVALID_HEADERS = ["", "Basic", "Basic ", "Basic x", "Basic !!!!", f"Basic {_base64(b'reports')}", "Basic é"]
INVALID_HEADERS += [
    f"Basic {_base64(b'reports:wrong')}",
    f"Basic {_base64(b':' + SECRET.encode())}",
    f"Basic {_base64(b'')}",
]
INVALID_HEADERS += [f"Basic {_base64(bytes([255, 254]) + b':x')}", f"Basic {_base64(b'reports:' + bytes([255] * 40))}"]
INVALID_HEADERS += [
    f"Basic reports:{SECRET}",
    REPORTS_AUTH["Authorization"].replace("Basic", "Bearer"),
    "Bearer x",
    "Digest x",
]
INVALID_HEADERS += [
    REPORTS_AUTH["Authorization"].replace("Basic ", ""),
    f"Basic realm=x, {REPORTS_AUTH['Authorization']}",
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("header", INVALID_HEADERS)
def test_invalid_authorization_header_is_rejected_even_with_a_public_client_id(
    client: FlaskClient, endpoint: str, header: str
) -> None:
    response = client.post(endpoint, data={**COMPLETE_FORM, "client_id": "phone"}, headers={"Authorization": header})
    assert response.status_code in {400, 401}
    code = "invalid_client" if response.status_code == 401 else "invalid_request"
    assert oauth_error(response, response.status_code, code)
    without = client.post(endpoint, data=COMPLETE_FORM, headers={"Authorization": header})
    assert oauth_error(without, 401, "invalid_client")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_client_credentials_in_the_query_are_ignored(client: FlaskClient, endpoint: str) -> None:
    response = client.post(endpoint, query_string={"client_id": "reports", "client_secret": SECRET}, data=COMPLETE_FORM)
    assert oauth_error(response, 401, "invalid_client")


def test_client_is_authenticated_before_the_grant_is_validated(client: FlaskClient) -> None:
    for form in ({}, {"grant_type": "nonsense"}, {"grant_type": "password"}, {"scope": "x"}):
        response = client.post("/oauth/token", data=form, content_type=FORM, headers=basic_auth("reports", "wrong"))
        assert oauth_error(response, 401, "invalid_client")


def test_every_client_is_rejected_if_none_is_registered(static_environ: dict[str, str]) -> None:
    client = oauth_app(static_environ, OAUTH_CLIENTS="").test_client()
    for form in WRONG_CREDENTIALS.values():
        assert oauth_error(client.post("/oauth/token", data={**COMPLETE_FORM, **form}), 401, "invalid_client")
