"""Somebody with a session: logs in, refreshes, shows a token, logs out."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from services.tokens.claims import Claims
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE, SampleUser


@dataclass(frozen=True)
class Tokens:
    """What a login or a refresh gives."""

    access: str
    refresh: str


def client_of(environ: Mapping[str, str], **changed: str) -> FlaskClient:
    """Return a client of a new application."""
    return create_app({"SECRET_KEY": SECRET_KEY, **environ, **changed}).test_client()


def ask_to_log_in(client: FlaskClient, person: SampleUser = ZOE) -> TestResponse:
    return client.post("/api/auth", json={"email": person.username, "password": person.password})


def log_in(client: FlaskClient, person: SampleUser = ZOE) -> Tokens:
    """Log in, which works."""
    return received(ask_to_log_in(client, person))


def ask_to_refresh(client: FlaskClient, token: object) -> TestResponse:
    """Present a refresh token; the answer is on its way until it is read."""
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def refresh(client: FlaskClient, tokens: Tokens) -> Tokens:
    """Exchange a refresh token, which works."""
    return received(ask_to_refresh(client, tokens.refresh))


def received(answer: TestResponse) -> Tokens:
    """Return the tokens in an answer, once it is sure that it has the shape of the wire."""
    body = answer.json
    assert body is not None
    assert answer.status_code == 200, body
    assert set(body) == {"status", "data", "token_type", "expires_in", "refresh_token"}
    assert (body["status"], body["token_type"], answer.headers["Cache-Control"]) == (200, "Bearer", "no-store")
    return Tokens(body["data"], body["refresh_token"])


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def log_out(client: FlaskClient, access: str) -> TestResponse:
    return client.delete("/api/auth", headers=bearer(access))


def shown(client: FlaskClient, access: str) -> str:
    """Return the code with which the guard refuses an access token, or nothing."""
    body = client.get("/api/protected_route", headers=bearer(access)).json
    assert body is not None
    return str(body.get("code", ""))


def claims_of(client: FlaskClient, access: str) -> Claims:
    """Return the claims of an access token that is good now."""
    claims: Claims = client.application.extensions["latchkey"].issuer.decode(access)
    return claims
