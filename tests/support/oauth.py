"""Standard clients that are registered, and the one shape of the errors that they get."""

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

# What form-encoding changes, what only looks encoded, and a colon.
SECRET = 'reports: 100% +%2B "safe" & sound = ~\\'
OTHER_SECRET = "another secret; as long as it has to be"
CLIENTS = f"reports:{SECRET},other:{OTHER_SECRET},phone"

FORM = "application/x-www-form-urlencoded"
PASSWORD_GRANT = {"grant_type": "password", "username": ZOE.email, "password": ZOE.password}

_DESCRIPTION = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 §5.2


def doors(environ: Mapping[str, str], **changed: str) -> Flask:
    """Return an application with these clients."""
    return create_app({"SECRET_KEY": SECRET_KEY, "OAUTH_CLIENTS": CLIENTS, **environ, **changed})


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the header in which a client proves itself."""
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


REPORTS = basic("reports", SECRET)
OTHER = basic("other", OTHER_SECRET)


def token(client: FlaskClient, headers: Mapping[str, str] = REPORTS, **changed: str) -> TestResponse:
    """Ask for a token by password, or as is said."""
    return client.post("/oauth/token", data={**PASSWORD_GRANT, **changed}, headers=headers)


def refresh(client: FlaskClient, refresh_token: str, headers: Mapping[str, str] = REPORTS) -> TestResponse:
    """Ask for the next token."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return client.post("/oauth/token", data=form, headers=headers)


def granted(answer: TestResponse) -> dict[str, Any]:
    """Return the members of an answer, once it is sure that it has tokens as RFC 6749 §5.1 wants them."""
    assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    members: dict[str, Any] = answer.get_json()
    assert set(members) - {"refresh_token"} == {"access_token", "token_type", "expires_in"}
    assert (members["token_type"], members["expires_in"]) == ("Bearer", 3600)
    return members


def oauth_error(answer: TestResponse, status: int, code: str) -> str:
    """Return the description in an answer, once it is sure that it is an error of the one shape."""
    assert (answer.status_code, answer.mimetype) == (status, "application/json"), answer.text
    members = answer.get_json()
    assert set(members) == {"error", "error_description"}
    assert members["error"] == code
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert {"Location", "Set-Cookie", "Server"}.isdisjoint(answer.headers.keys())
    description = members["error_description"]
    assert isinstance(description, str)
    assert _DESCRIPTION.fullmatch(description)
    return description


def active(client: FlaskClient, access_token: str) -> bool:
    """Say whether a route lets the access token through."""
    answer = client.get("/api/protected_route", headers={"Authorization": f"Bearer {access_token}"})
    return answer.status_code == 200
