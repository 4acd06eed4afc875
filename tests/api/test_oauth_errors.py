"""Invalid input at `/oauth/…`: an error as defined by RFC 6749 §5.2, a 4xx and never a 5xx."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql

from providers.interface import Overloaded, ProviderUnavailable, User
from tests.conftest import new_database
from tests.support.oauth import (
    FORM,
    OTHER_AUTH,
    PASSWORD_GRANT,
    REPORTS_AUTH,
    granted_tokens,
    oauth_app,
    oauth_error,
    refresh,
    token,
)
from tests.support.stores import user_table
from tests.support.users import ZOE

ENDPOINTS = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"]
VALID_FORM = urlencode({**PASSWORD_GRANT, "token": "x"}).encode()


FAILURES: dict[str, tuple[type[Exception], int, str, str | None]] = {
    "unavailable": (ProviderUnavailable, 503, "temporarily_unavailable", "5"),
    "overloaded": (Overloaded, 503, "temporarily_unavailable", "1"),
    "broken": (KeyError, 500, "server_error", None),
}


class FailingProvider:
    """Authenticates one user, and fails in the way that a file names while the file exists."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._failure = Path(environ["FAILURE_FILE"])

    def authenticate(self, login: str, password: str) -> User:
        if self._failure.exists():
            raise FAILURES[self._failure.read_text()][0]("a detail that no client may read")
        return User(username="user", email=None, roles=[])

    def find(self, username: str) -> User:
        return self.authenticate(username, "")


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return oauth_app(sqlite_environ)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("repeated", ["token", "password", "client_id", "scope", "unknown"])
def test_repeated_parameter_is_rejected(client: FlaskClient, endpoint: str, repeated: str) -> None:
    for values in (("x", "x"), ("x", "y"), ("", "")):
        body = urlencode([*PASSWORD_GRANT.items(), ("token", "x"), *[(repeated, value) for value in values]])
        response = client.post(endpoint, data=body, content_type=FORM, headers=REPORTS_AUTH)
        assert oauth_error(response, 400, "invalid_request") == "A parameter appears more than once"


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({}, "grant_type"),
        ({"grant_type": ""}, "grant_type"),
        ({"Grant_Type": "password"}, "grant_type"),
        ({"grant_type": "password"}, "username"),
        ({"grant_type": "password", "username": "x"}, "password"),
        ({"grant_type": "password", "username": "", "password": "x"}, "username"),
        ({"grant_type": "password", "username": "x", "password": ""}, "password"),
        ({"grant_type": "refresh_token"}, "refresh_token"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "refresh_token"),
    ],
)
def test_empty_parameter_counts_as_missing(client: FlaskClient, form: dict[str, str], missing: str) -> None:
    response = client.post("/oauth/token", data=form, content_type=FORM, headers=REPORTS_AUTH)
    assert oauth_error(response, 400, "invalid_request") == f"The parameter {missing} is missing"


def test_parameters_in_the_query_are_ignored(client: FlaskClient) -> None:
    response = client.post(
        "/oauth/token", query_string=PASSWORD_GRANT, data=b"", content_type=FORM, headers=REPORTS_AUTH
    )
    assert oauth_error(response, 400, "invalid_request") == "The parameter grant_type is missing"
    for endpoint in ENDPOINTS[1:]:
        response = client.post(endpoint, query_string={"token": "x"}, data=b"", content_type=FORM, headers=REPORTS_AUTH)
        assert oauth_error(response, 400, "invalid_request") == "The parameter token is missing"


def test_unknown_parameters_are_ignored(client: FlaskClient) -> None:
    assert granted_tokens(token(client, roles="super_admin", lifetime="99999", resource="x", é="日本"))


@pytest.mark.parametrize(
    "grant_type",
    ["authorization_code", "implicit", "Password", "password ", "__class__", "é", "x" * 9000],
)
def test_other_grant_types_are_unsupported(client: FlaskClient, grant_type: str) -> None:
    response = token(client, grant_type=grant_type)
    assert oauth_error(response, 400, "unsupported_grant_type") == "Unsupported grant type"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/plain", "multipart/form-data; boundary=x", f"x-{FORM}"]
)
def test_other_media_types_are_rejected(client: FlaskClient, endpoint: str, content_type: str | None) -> None:
    response = client.post(endpoint, data=VALID_FORM, content_type=content_type, headers=REPORTS_AUTH)
    assert oauth_error(response, 400, "invalid_request") == f"Content-Type must be {FORM}"


@pytest.mark.parametrize("content_type", [f"{FORM}; charset=UTF-8", FORM.title(), f"{FORM};x=y"])
def test_media_type_of_a_form_can_have_any_case_and_parameters(client: FlaskClient, content_type: str) -> None:
    body = urlencode(PASSWORD_GRANT)
    assert granted_tokens(client.post("/oauth/token", data=body, content_type=content_type, headers=REPORTS_AUTH))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("octets", [b"\xff", b"%ff", b"%C3", b"%ED%A0%80", b"%c0%af", "é".encode("latin-1"), b"%80"])
def test_form_that_is_not_utf_8_is_rejected(client: FlaskClient, endpoint: str, octets: bytes) -> None:
    for body in (VALID_FORM + b"&x=" + octets, VALID_FORM + b"&" + octets + b"=x"):
        response = client.post(endpoint, data=body, content_type=FORM, headers=REPORTS_AUTH)
        assert oauth_error(response, 400, "invalid_request") == "The request body is not a form in UTF-8"


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("body", [b"", b"&&&", b"=", b"===", b"%", b"%zz=%", b"\0", b"a;b", b"{}", b"[" * 9000])
def test_malformed_form_is_rejected(client: FlaskClient, endpoint: str, body: bytes) -> None:
    response = client.post(endpoint, data=body, content_type=FORM, headers=REPORTS_AUTH)
    assert oauth_error(response, 400, "invalid_request").endswith(" is missing")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("filler", [b"&x=", b"&", b"&a=b"])
def test_oversized_form_is_413(client: FlaskClient, endpoint: str, filler: bytes) -> None:
    for size in (17_000, 5_000_000):
        body = (VALID_FORM + filler * size)[:size]
        response = client.post(endpoint, data=body, content_type=FORM, headers=REPORTS_AUTH)
        assert oauth_error(response, 413, "invalid_request")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(client: FlaskClient, endpoint: str, method: str) -> None:
    response = client.open(endpoint, method=method, query_string=PASSWORD_GRANT, headers=REPORTS_AUTH)
    assert oauth_error(response, 405, "invalid_request")
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("path", ["/oauth/", "/oauth/nothing", "/oauth/token/", "/oauth/Token", "/oauth/%ff"])
def test_unknown_oauth_path_is_404(client: FlaskClient, path: str) -> None:
    assert oauth_error(client.post(path, data=PASSWORD_GRANT, headers=REPORTS_AUTH), 404, "invalid_request")


def test_errors_are_not_cached(client: FlaskClient) -> None:
    responses = [token(client, password="wrong"), token(client, grant_type="x"), token(client, grant_type="")]
    responses += [token(client, {}), token(client, username=""), refresh(client, "x"), token(client, client_id="other")]
    responses += [client.post(endpoint, data={"token": "x"}) for endpoint in ENDPOINTS]
    assert {response.status_code for response in responses} == {400, 401}
    assert {response.headers["Cache-Control"] for response in responses} == {"no-store"}


def test_errors_have_the_pragma_header_of_the_rfc(client: FlaskClient) -> None:
    responses = [token(client, password="wrong"), token(client, {}), refresh(client, "x", OTHER_AUTH)]
    assert {response.headers.get("Pragma") for response in responses} == {"no-cache"}


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_of_the_provider_is_a_5xx_and_spends_no_token(
    tmp_path: Path, sqlite_environ: dict[str, str], failure: str
) -> None:
    environ = {
        **sqlite_environ,
        "AUTH_PROVIDER": f"{__name__}:FailingProvider",
        "FAILURE_FILE": str(tmp_path / "failure"),
    }
    client = oauth_app(environ).test_client()
    members = granted_tokens(token(client))
    (tmp_path / "failure").write_text(failure)
    _, status, code, retry_after = FAILURES[failure]
    for response in (token(client), refresh(client, members["refresh_token"])):
        assert "detail" not in oauth_error(response, status, code)
        assert response.headers.get("Retry-After") == retry_after
    (tmp_path / "failure").unlink()
    assert granted_tokens(refresh(client, members["refresh_token"]))


def test_unavailable_session_database_is_503_at_every_endpoint(postgres: str, static_environ: dict[str, str]) -> None:
    url = new_database(postgres, "oauth_outage")
    environ = {**user_table(url, [ZOE]), **static_environ}
    before, after = oauth_app(environ).test_client(), oauth_app(environ).test_client()
    members = granted_tokens(token(before))
    with psycopg.connect(f"{postgres}postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier("oauth_outage")))
    for refused in (
        refresh(before, members["refresh_token"]),
        before.post("/oauth/revoke", data={"token": members["refresh_token"]}, headers=REPORTS_AUTH),
        after.post("/oauth/introspect", data={"token": members["access_token"]}, headers=REPORTS_AUTH),
    ):
        assert oauth_error(refused, 503, "temporarily_unavailable") == "Session store unavailable"
        assert refused.headers["Retry-After"] == "5"
    assert "refresh_token" not in granted_tokens(token(before))
