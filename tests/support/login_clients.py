"""The two doors to a session, ours and the standard's, asked alike."""

from typing import NamedTuple

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

FIRST_PARTY_CLIENT, OAUTH_CLIENT = "latchkey", "app"
"""Who asks: the first-party client, and one of OAUTH_CLIENTS."""

CLIENTS = (FIRST_PARTY_CLIENT, OAUTH_CLIENT)
REFUSED_LOGIN = {FIRST_PARTY_CLIENT: "invalid_credentials", OAUTH_CLIENT: "invalid_grant"}
REFUSED_TOKEN = {FIRST_PARTY_CLIENT: "invalid_refresh_token", OAUTH_CLIENT: "invalid_grant"}


class Tokens(NamedTuple):
    """What an answer gave, or the code with which it gave nothing."""

    code: str
    message: str = ""
    access: str = ""
    refresh: str = ""


def log_in(client: FlaskClient, as_client: str, login: str, password: str) -> Tokens:
    """Log in at the door of a client."""
    if as_client == FIRST_PARTY_CLIENT:
        return _read(client.post("/api/auth", json={"email": login, "password": password}))
    return _read(_form(client, grant_type="password", username=login, password=password))


def refresh(client: FlaskClient, as_client: str, token: str) -> Tokens:
    """Exchange a refresh token at the door of a client."""
    return _read(send_refresh(client, as_client, token))


def send_refresh(client: FlaskClient, as_client: str, token: str) -> TestResponse:
    """Do as `refresh`, but leave the answer on its way."""
    if as_client == FIRST_PARTY_CLIENT:
        return client.post("/api/auth/refresh", json={"refresh_token": token})
    return _form(client, grant_type="refresh_token", refresh_token=token)


def revoke(client: FlaskClient, token: str) -> int:
    """Revoke a token of the standard client; returns the status."""
    return client.post("/oauth/revoke", data={"client_id": OAUTH_CLIENT, "token": token}).status_code


def _form(client: FlaskClient, **parameters: str) -> TestResponse:
    return client.post("/oauth/token", data={"client_id": OAUTH_CLIENT, **parameters})


def _read(answer: TestResponse) -> Tokens:
    body = answer.json
    assert body is not None
    if answer.status_code != 200:
        assert answer.status_code == 400, body
        return Tokens(body.get("code") or body["error"], body.get("message") or body["error_description"])
    return Tokens("", "", body.get("data") or body["access_token"], body["refresh_token"])
