"""The record id and the credential stamp of a user stay in the service: no token, response or log has them."""

from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient

from services.auth_provider import authenticate
from services.context import services_of
from services.jwt_handler import generate_jwt
from tests.support.oauth import REPORTS_AUTH, granted_tokens, oauth_app, token
from tests.support.users import ZOE

HIDDEN = {"record_id": "hidden record", "credential_stamp": "hidden stamp"}


class Directory:
    """A custom provider whose users have both members."""

    def __init__(self, environ: object) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> Any:
        return self.find(login)

    def find(self, username: str) -> Any:
        return {"username": username, "email": None, "roles": ["user"], **HIDDEN}


@pytest.fixture
def client(sqlite_environ: dict[str, str]) -> FlaskClient:
    return oauth_app(sqlite_environ, AUTH_PROVIDER=f"{__name__}:Directory", LOG_LEVEL="DEBUG").test_client()


def is_clean(text: str) -> bool:
    """Return whether the text has neither the members nor their names."""
    return not any(word in text for word in ("hidden", "record_id", "credential_stamp"))


def test_no_response_and_no_log_contains_a_record_id_or_a_credential_stamp(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    login = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password})
    members = granted_tokens(token(client))
    access = members["access_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    responses = [
        login,
        client.get("/api/auth/me", headers=bearer),
        client.get("/api/auth/verify", headers=bearer),
        client.post("/oauth/introspect", data={"token": access}, headers=REPORTS_AUTH),
        client.post("/api/auth/refresh", json={"refresh_token": login.get_json()["refresh_token"]}),
    ]
    for response in responses:
        assert response.status_code == 200
        assert is_clean(response.text + str(response.headers))
    for issued in (access, responses[-1].get_json()["data"]):
        assert is_clean(str(jwt.decode(issued, options={"verify_signature": False})))
    assert is_clean(caplog.text)


def test_view_that_sends_the_authenticated_user_sends_no_record_id_and_no_credential_stamp(client: FlaskClient) -> None:
    with client.application.app_context():
        assert authenticate(ZOE.email, ZOE.password) == {
            "username": ZOE.email,
            "email": None,
            "roles": ["user"],
            "idp": f"{__name__}:Directory",
        }


def test_token_that_a_view_generates_for_a_user_has_no_record_id_and_no_credential_stamp(client: FlaskClient) -> None:
    with client.application.app_context():
        user = services_of(client.application).chain.authenticate(ZOE.email, ZOE.password)
        assert user
        assert (user["record_id"], user["credential_stamp"]) == ("hidden record", "hidden stamp")
        claims = services_of(client.application).issuer.decode(generate_jwt(user))
    assert is_clean(str(claims))
    assert claims["sub"] == ZOE.email
