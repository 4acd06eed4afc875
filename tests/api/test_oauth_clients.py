"""How a standard client proves itself at `/oauth/…` (RFC 6749 §2.3.1), and what happens when it does not."""

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
    REPORTS,
    SECRET,
    basic,
    doors,
    granted,
    oauth_error,
    token,
)

DOORS = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"]
WHOLE = {**PASSWORD_GRANT, "token": "x"}


@pytest.fixture
def app(sqlite_environ: dict[str, str]) -> Flask:
    return doors(sqlite_environ)


@pytest.mark.parametrize("write", [str, quote, quote_plus, lambda text: quote(text, safe="")])
def test_a_secret_in_the_header_may_be_form_encoded_or_not(client: FlaskClient, write: type[str]) -> None:
    assert granted(token(client, basic("reports", write(SECRET))))


def test_a_client_id_in_the_header_may_be_form_encoded(sqlite_environ: dict[str, str]) -> None:
    # Java's encoder, as Spring has it, does not leave the tilde alone.
    client = doors(sqlite_environ, OAUTH_CLIENTS=f"app~1:{SECRET}").test_client()
    assert granted(token(client, basic("app~1", quote_plus(SECRET))))
    assert granted(token(client, basic("app%7E1", quote_plus(SECRET))))


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "bAsIc"])
def test_the_scheme_is_known_in_any_case(client: FlaskClient, scheme: str) -> None:
    assert granted(token(client, {"Authorization": REPORTS["Authorization"].replace("Basic", scheme)}))


def test_a_secret_in_the_form_is_as_good(client: FlaskClient) -> None:
    assert granted(token(client, {}, client_id="reports", client_secret=SECRET))


def test_a_public_client_has_its_id_alone(client: FlaskClient) -> None:
    assert granted(token(client, {}, client_id="phone"))
    assert granted(token(client, {}, client_id="phone", client_secret=""))
    assert granted(token(client, basic("phone", "")))


def test_the_id_may_stand_in_the_form_too_if_it_is_the_same(client: FlaskClient) -> None:
    assert granted(token(client, client_id="reports", client_secret=""))


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
def test_two_ways_at_once_are_refused(client: FlaskClient, form: dict[str, str]) -> None:
    answer = token(client, REPORTS, **form)
    assert oauth_error(answer, 400, "invalid_request") == "Multiple client authentication methods"


UNPROVEN: dict[str, dict[str, str]] = {
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
    "our own": {"client_id": "latchkey"},
    "id in another case": {"client_id": "Reports", "client_secret": SECRET},
    "id with a blank": {"client_id": "reports ", "client_secret": SECRET},
    "id and secret in one": {"client_id": f"reports:{SECRET}"},
    "the whole list": {"client_id": CLIENTS},
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("why", UNPROVEN)
def test_a_client_that_does_not_prove_itself_is_refused(client: FlaskClient, door: str, why: str) -> None:
    answer = client.post(door, data={**WHOLE, **UNPROVEN[why]})
    assert oauth_error(answer, 401, "invalid_client") == "Unknown client or wrong secret"
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="latchkey"'


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


HEADERS = ["", "Basic", "Basic ", "Basic x", "Basic !!!!", f"Basic {_encoded(b'reports')}", "Basic é"]
HEADERS += [
    f"Basic {_encoded(b'reports:wrong')}",
    f"Basic {_encoded(b':' + SECRET.encode())}",
    f"Basic {_encoded(b'')}",
]
HEADERS += [f"Basic {_encoded(bytes([255, 254]) + b':x')}", f"Basic {_encoded(b'reports:' + bytes([255] * 40))}"]
HEADERS += [f"Basic reports:{SECRET}", REPORTS["Authorization"].replace("Basic", "Bearer"), "Bearer x", "Digest x"]
HEADERS += [REPORTS["Authorization"].replace("Basic ", ""), f"Basic realm=x, {REPORTS['Authorization']}"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_proves_no_client_is_refused_even_beside_a_public_one(
    client: FlaskClient, door: str, header: str
) -> None:
    answer = client.post(door, data={**WHOLE, "client_id": "phone"}, headers={"Authorization": header})
    assert answer.status_code in {400, 401}
    code = "invalid_client" if answer.status_code == 401 else "invalid_request"
    assert oauth_error(answer, answer.status_code, code)
    without = client.post(door, data=WHOLE, headers={"Authorization": header})
    assert oauth_error(without, 401, "invalid_client")


@pytest.mark.parametrize("door", DOORS)
def test_a_client_in_the_query_does_not_count(client: FlaskClient, door: str) -> None:
    answer = client.post(door, query_string={"client_id": "reports", "client_secret": SECRET}, data=WHOLE)
    assert oauth_error(answer, 401, "invalid_client")


def test_the_client_is_judged_before_the_grant(client: FlaskClient) -> None:
    for form in ({}, {"grant_type": "nonsense"}, {"grant_type": "password"}, {"scope": "x"}):
        answer = client.post("/oauth/token", data=form, content_type=FORM, headers=basic("reports", "wrong"))
        assert oauth_error(answer, 401, "invalid_client")


def test_without_registered_clients_the_doors_let_nobody_in(static_environ: dict[str, str]) -> None:
    client = doors(static_environ, OAUTH_CLIENTS="").test_client()
    for form in UNPROVEN.values():
        assert oauth_error(client.post("/oauth/token", data={**WHOLE, **form}), 401, "invalid_client")
