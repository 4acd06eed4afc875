"""A client with a session: log in, refresh, call a guarded route, log out."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from services.context import services_of
from services.tokens.claims import Claims
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE, SampleUser


@dataclass(frozen=True)
class Tokens:
    """The tokens of a login or a refresh."""

    access: str
    refresh: str


def client_of(environ: Mapping[str, str], **changed: str) -> FlaskClient:
    """Return a client of a new application in this environment, with changed variables."""
    return create_app({"SECRET_KEY": SECRET_KEY, **environ, **changed}).test_client()


def send_login(client: FlaskClient, person: SampleUser = ZOE) -> TestResponse:
    return client.post("/api/auth", json={"email": person.username, "password": person.password})


def log_in(client: FlaskClient, person: SampleUser = ZOE) -> Tokens:
    """Log in successfully."""
    return tokens_in(send_login(client, person))


def send_refresh(client: FlaskClient, token: object) -> TestResponse:
    """Present a refresh token. The response counts as sent when its body is read."""
    return client.post("/api/auth/refresh", json={"refresh_token": token})


def refresh(client: FlaskClient, tokens: Tokens) -> Tokens:
    """Exchange the refresh token successfully."""
    return tokens_in(send_refresh(client, tokens.refresh))


def tokens_in(response: TestResponse) -> Tokens:
    """Return the tokens in a response, after a check of its format."""
    body = response.json
    assert body is not None
    assert response.status_code == 200, body
    assert set(body) == {"status", "data", "token_type", "expires_in", "refresh_token"}
    assert (body["status"], body["token_type"], response.headers["Cache-Control"]) == (200, "Bearer", "no-store")
    return Tokens(body["data"], body["refresh_token"])


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def log_out(client: FlaskClient, access: str) -> TestResponse:
    return client.delete("/api/auth", headers=bearer(access))


def guard_error(client: FlaskClient, access: str) -> str:
    """Return the error code with which the guard rejects an access token, an empty string if it accepts it."""
    body = client.get("/api/protected_route", headers=bearer(access)).json
    assert body is not None
    return str(body.get("code", ""))


def claims_of(client: FlaskClient, access: str) -> Claims:
    """Return the claims of a valid access token."""
    return services_of(client.application).issuer.decode(access)
