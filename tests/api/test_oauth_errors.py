"""Bad input at `/oauth/…`: every error of RFC 6749 §5.2 in its own shape, a 4xx and never a 5xx."""

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
from tests.support.oauth import FORM, OTHER, PASSWORD_GRANT, REPORTS, doors, granted, oauth_error, refresh, token
from tests.support.stores import user_table
from tests.support.users import ZOE

DOORS = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"]
GOOD = urlencode({**PASSWORD_GRANT, "token": "x"}).encode()


MOODS: dict[str, tuple[type[Exception], int, str, str | None]] = {
    "out": (ProviderUnavailable, 503, "temporarily_unavailable", "5"),
    "full": (Overloaded, 503, "temporarily_unavailable", "1"),
    "broken": (KeyError, 500, "server_error", None),
}


class Moody:
    """Knows one user; is out, or full, or broken while a file says so."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._mood = Path(environ["MOOD"])

    def authenticate(self, login: str, password: str) -> User:
        if self._mood.exists():
            raise MOODS[self._mood.read_text()][0]("the detail that nobody outside may read")
        return User(username="moody", email=None, roles=[])

    def find(self, username: str) -> User:
        return self.authenticate(username, "")


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return doors(sqlite_environ)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("twice", ["token", "password", "client_id", "scope", "unknown"])
def test_a_parameter_that_is_there_twice_is_refused(client: FlaskClient, door: str, twice: str) -> None:
    for values in (("x", "x"), ("x", "y"), ("", "")):
        body = urlencode([*PASSWORD_GRANT.items(), ("token", "x"), *[(twice, value) for value in values]])
        answer = client.post(door, data=body, content_type=FORM, headers=REPORTS)
        assert oauth_error(answer, 400, "invalid_request") == "A parameter appears more than once"


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
def test_a_parameter_without_a_value_is_missing(client: FlaskClient, form: dict[str, str], missing: str) -> None:
    answer = client.post("/oauth/token", data=form, content_type=FORM, headers=REPORTS)
    assert oauth_error(answer, 400, "invalid_request") == f"The parameter {missing} is missing"


def test_parameters_in_the_query_do_not_count(client: FlaskClient) -> None:
    answer = client.post("/oauth/token", query_string=PASSWORD_GRANT, data=b"", content_type=FORM, headers=REPORTS)
    assert oauth_error(answer, 400, "invalid_request") == "The parameter grant_type is missing"
    for door in DOORS[1:]:
        answer = client.post(door, query_string={"token": "x"}, data=b"", content_type=FORM, headers=REPORTS)
        assert oauth_error(answer, 400, "invalid_request") == "The parameter token is missing"


def test_a_parameter_that_nobody_knows_makes_no_difference(client: FlaskClient) -> None:
    assert granted(token(client, roles="super_admin", lifetime="99999", resource="x", é="日本"))


@pytest.mark.parametrize(
    "grant_type",
    ["authorization_code", "client_credentials", "implicit", "Password", "password ", "__class__", "é", "x" * 9000],
)
def test_another_grant_is_unsupported(client: FlaskClient, grant_type: str) -> None:
    answer = token(client, grant_type=grant_type)
    assert oauth_error(answer, 400, "unsupported_grant_type") == "Unsupported grant type"


@pytest.mark.parametrize("grant_type", ["password", "refresh_token"])
def test_there_are_no_scopes(client: FlaskClient, grant_type: str) -> None:
    answer = token(client, grant_type=grant_type, scope="read write")
    assert oauth_error(answer, 400, "invalid_scope")
    assert granted(token(client, scope=""))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/plain", "multipart/form-data; boundary=x", f"x-{FORM}"]
)
def test_what_is_no_form_is_refused(client: FlaskClient, door: str, content_type: str | None) -> None:
    answer = client.post(door, data=GOOD, content_type=content_type, headers=REPORTS)
    assert oauth_error(answer, 400, "invalid_request") == f"Content-Type must be {FORM}"


@pytest.mark.parametrize("content_type", [f"{FORM}; charset=UTF-8", FORM.title(), f"{FORM};x=y"])
def test_a_form_is_known_by_any_spelling(client: FlaskClient, content_type: str) -> None:
    body = urlencode(PASSWORD_GRANT)
    assert granted(client.post("/oauth/token", data=body, content_type=content_type, headers=REPORTS))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("octets", [b"\xff", b"%ff", b"%C3", b"%ED%A0%80", b"%c0%af", "é".encode("latin-1"), b"%80"])
def test_a_form_that_is_not_utf_8_is_refused(client: FlaskClient, door: str, octets: bytes) -> None:
    for body in (GOOD + b"&x=" + octets, GOOD + b"&" + octets + b"=x"):
        answer = client.post(door, data=body, content_type=FORM, headers=REPORTS)
        assert oauth_error(answer, 400, "invalid_request") == "The request body is not a form in UTF-8"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("body", [b"", b"&&&", b"=", b"===", b"%", b"%zz=%", b"\0", b"a;b", b"{}", b"[" * 9000])
def test_junk_is_refused(client: FlaskClient, door: str, body: bytes) -> None:
    answer = client.post(door, data=body, content_type=FORM, headers=REPORTS)
    assert oauth_error(answer, 400, "invalid_request").endswith(" is missing")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("filler", [b"&x=", b"&", b"&a=b"])
def test_a_huge_form_is_413(client: FlaskClient, door: str, filler: bytes) -> None:
    for size in (17_000, 5_000_000):
        body = (GOOD + filler * size)[:size]
        answer = client.post(door, data=body, content_type=FORM, headers=REPORTS)
        assert oauth_error(answer, 413, "invalid_request")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(client: FlaskClient, door: str, method: str) -> None:
    answer = client.open(door, method=method, query_string=PASSWORD_GRANT, headers=REPORTS)
    assert oauth_error(answer, 405, "invalid_request")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("path", ["/oauth/", "/oauth/nothing", "/oauth/token/", "/oauth/Token", "/oauth/%ff"])
def test_what_is_not_there_is_404(client: FlaskClient, path: str) -> None:
    assert oauth_error(client.post(path, data=PASSWORD_GRANT, headers=REPORTS), 404, "invalid_request")


def test_no_cache_keeps_an_error(client: FlaskClient) -> None:
    answers = [token(client, password="wrong"), token(client, grant_type="x"), token(client, scope="x")]
    answers += [token(client, {}), token(client, username=""), refresh(client, "x"), token(client, client_id="other")]
    answers += [client.post(door, data={"token": "x"}) for door in DOORS]
    assert {answer.status_code for answer in answers} == {400, 401}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_an_error_has_both_headers_as_the_rfc_shows_them(client: FlaskClient) -> None:
    answers = [token(client, password="wrong"), token(client, {}), refresh(client, "x", OTHER)]
    assert {answer.headers.get("Pragma") for answer in answers} == {"no-cache"}


@pytest.mark.parametrize("mood", MOODS)
def test_a_provider_that_fails_is_no_wrong_password_and_spends_no_token(
    tmp_path: Path, sqlite_environ: dict[str, str], mood: str
) -> None:
    moody = {**sqlite_environ, "AUTH_PROVIDER": f"{__name__}:Moody", "MOOD": str(tmp_path / "mood")}
    client = doors(moody).test_client()
    members = granted(token(client))
    (tmp_path / "mood").write_text(mood)
    _, status, code, retry_after = MOODS[mood]
    for answer in (token(client), refresh(client, members["refresh_token"])):
        assert "detail" not in oauth_error(answer, status, code)
        assert answer.headers.get("Retry-After") == retry_after
    (tmp_path / "mood").unlink()
    assert granted(refresh(client, members["refresh_token"]))


def test_a_session_database_that_is_out_is_503_at_every_door(postgres: str, static_environ: dict[str, str]) -> None:
    url = new_database(postgres, "oauth_outage")
    environ = {**user_table(url, [ZOE]), **static_environ}
    before, after = doors(environ).test_client(), doors(environ).test_client()
    members = granted(token(before))
    with psycopg.connect(f"{postgres}postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier("oauth_outage")))
    for refused in (
        refresh(before, members["refresh_token"]),
        before.post("/oauth/revoke", data={"token": members["refresh_token"]}, headers=REPORTS),
        after.post("/oauth/introspect", data={"token": members["access_token"]}, headers=REPORTS),
    ):
        assert oauth_error(refused, 503, "temporarily_unavailable") == "Session store unavailable"
        assert refused.headers["Retry-After"] == "5"
    assert "refresh_token" not in granted(token(before))
