"""Registered OAuth clients, their requests, and the members of the responses."""

import base64
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE

# Characters that form-encoding changes, a text that looks encoded and is not, and a colon.
SECRET = 'reports: 100% +%2B "safe" & sound = ~\\'
OTHER_SECRET = "another secret; long enough to be accepted"
CLIENTS = f"reports:{SECRET},other:{OTHER_SECRET},phone"

FORM = "application/x-www-form-urlencoded"
PASSWORD_GRANT = {"grant_type": "password", "username": ZOE.email, "password": ZOE.password}

_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 §5.2


def oauth_app(environ: Mapping[str, str], **changed: str) -> Flask:
    """Return an application with these clients, which may send passwords."""
    clients = {"OAUTH_CLIENTS": CLIENTS, "OAUTH_PASSWORD_GRANT": "true"}
    return create_app({"SECRET_KEY": SECRET_KEY, **clients, **environ, **changed})


def basic_auth(client_id: str, secret: str) -> dict[str, str]:
    """Return the header that authenticates a client."""
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


REPORTS_AUTH = basic_auth("reports", SECRET)
OTHER_AUTH = basic_auth("other", OTHER_SECRET)


def token(client: FlaskClient, headers: Mapping[str, str] = REPORTS_AUTH, **changed: str) -> TestResponse:
    """Request tokens by the password grant, with these parameters added or changed."""
    return client.post("/oauth/token", data={**PASSWORD_GRANT, **changed}, headers=headers)


def refresh(client: FlaskClient, refresh_token: str, headers: Mapping[str, str] = REPORTS_AUTH) -> TestResponse:
    """Request tokens by the refresh token grant."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return client.post("/oauth/token", data=form, headers=headers)


def granted_tokens(response: TestResponse) -> dict[str, Any]:
    """Return the members of a response, after checking that they are those of RFC 6749 §5.1."""
    assert (response.status_code, response.mimetype) == (200, "application/json"), response.text
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    members: dict[str, Any] = response.get_json()
    assert set(members) - {"refresh_token"} == {"access_token", "token_type", "expires_in"}
    assert (members["token_type"], members["expires_in"]) == ("Bearer", 3600)
    return members


def oauth_error(response: TestResponse, status: int, code: str) -> str:
    """Return the description in an error response, after checking its status, code and members."""
    assert (response.status_code, response.mimetype) == (status, "application/json"), response.text
    members = response.get_json()
    assert set(members) == {"error", "error_description"}
    assert members["error"] == code
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert {"Location", "Set-Cookie", "Server"}.isdisjoint(response.headers.keys())
    description = members["error_description"]
    assert isinstance(description, str)
    assert _DESCRIPTION.fullmatch(description)
    return description


def is_active(client: FlaskClient, access_token: str) -> bool:
    """Return whether a guarded route accepts the access token."""
    response = client.get("/api/protected_route", headers={"Authorization": f"Bearer {access_token}"})
    return response.status_code == 200
