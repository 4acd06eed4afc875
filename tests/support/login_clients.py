"""Two kinds of clients, of `/api/auth` and of `/oauth/token`, behind the same functions."""

from typing import NamedTuple

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

FIRST_PARTY_CLIENT, OAUTH_CLIENT = "latchkey", "app"
"""The ids of the first-party client, and of one in OAUTH_CLIENTS."""

CLIENTS = (FIRST_PARTY_CLIENT, OAUTH_CLIENT)
DENIED_LOGIN_CODE = {FIRST_PARTY_CLIENT: "invalid_credentials", OAUTH_CLIENT: "invalid_grant"}
INVALID_TOKEN_CODE = {FIRST_PARTY_CLIENT: "invalid_refresh_token", OAUTH_CLIENT: "invalid_grant"}
IN_PROGRESS_CODE = {FIRST_PARTY_CLIENT: "refresh_in_progress", OAUTH_CLIENT: "temporarily_unavailable"}


class TokenResponse(NamedTuple):
    """The tokens in a response, or its error code and message."""

    code: str
    message: str = ""
    access: str = ""
    refresh: str = ""


def log_in(client: FlaskClient, client_id: str, login: str, password: str) -> TokenResponse:
    """Log in as this client does."""
    if client_id == FIRST_PARTY_CLIENT:
        return _read(client.post("/api/auth", json={"email": login, "password": password}))
    return _read(_post_form(client, grant_type="password", username=login, password=password))


def refresh(client: FlaskClient, client_id: str, token: str) -> TokenResponse:
    """Exchange a refresh token as this client does."""
    return _read(send_refresh(client, client_id, token))


def send_refresh(client: FlaskClient, client_id: str, token: str) -> TestResponse:
    """Present a refresh token as this client does. The response counts as sent when its body is read."""
    if client_id == FIRST_PARTY_CLIENT:
        return client.post("/api/auth/refresh", json={"refresh_token": token})
    return _post_form(client, grant_type="refresh_token", refresh_token=token)


def revoke(client: FlaskClient, token: str) -> int:
    """Revoke a token of the OAuth client; return the status."""
    return client.post("/oauth/revoke", data={"client_id": OAUTH_CLIENT, "token": token}).status_code


def change_password(client: FlaskClient, access: str, old: str, new: str) -> TokenResponse:
    """Change the password of the user of an access token."""
    body = {"password": old, "new_password": new}
    return _read(client.post("/api/auth/password", json=body, headers={"Authorization": f"Bearer {access}"}))


def _post_form(client: FlaskClient, **parameters: str) -> TestResponse:
    return client.post("/oauth/token", data={"client_id": OAUTH_CLIENT, **parameters})


def _read(response: TestResponse) -> TokenResponse:
    body = response.json
    assert body is not None
    if response.status_code != 200:
        assert response.status_code in {400, 503}, body
        return TokenResponse(body.get("code") or body["error"], body.get("message") or body["error_description"])
    return TokenResponse("", "", body.get("data") or body["access_token"], body["refresh_token"])
