"""The client credentials grant (RFC 6749 §4.4): Authlib and requests-oauthlib obtain tokens of the client itself."""

from collections.abc import Iterator

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient, UnauthorizedClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from config.clients import OAuthSettings
from config.errors import ConfigurationError
from tests.servers.gunicorn import gunicorn
from tests.support.oauth import CLIENTS, OTHER_SECRET, SECRET, basic_auth, oauth_app, oauth_error

ROLES = {"OAUTH_CLIENTS": CLIENTS, "OAUTH_CLIENT_ROLES": "reports:user, reports:editor"}
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def url(static_environ: dict[str, str]) -> Iterator[str]:
    with gunicorn({**static_environ, **ROLES, "JWT_ISSUER": "https://auth.example.org"}, workers=1) as url:
        yield url


def test_libraries_obtain_a_token_with_the_roles_of_the_client(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with OAuth2Session(client=BackendApplicationClient("reports")) as session:
        token = session.fetch_token(f"{url}/oauth/token", auth=HTTPBasicAuth("reports", SECRET))
        assert session.get(f"{url}/api/protected_route_user", timeout=60).status_code == 200
        assert session.get(f"{url}/api/protected_route_admin", timeout=60).status_code == 403
        with pytest.raises(UnauthorizedClientError, match="has no roles of its own"):
            session.fetch_token(f"{url}/oauth/token", auth=HTTPBasicAuth("other", OTHER_SECRET))
    with AuthlibSession("reports", SECRET, token_endpoint=f"{url}/oauth/token") as session:
        assert session.fetch_token(f"{url}/oauth/token", **GRANT)["token_type"] == "Bearer"
        claims = session.introspect_token(f"{url}/oauth/introspect", token["access_token"]).json()
        assert session.get(f"{url}/api/protected_route_user", timeout=60).status_code == 200
    assert set(token) - {"expires_at"} == {"access_token", "token_type", "expires_in"}
    assert (claims["sub"], claims["client_id"], claims["roles"]) == ("client:reports", "reports", ["editor", "user"])
    assert {"username", "email", "idp", "sid"}.isdisjoint(claims)
    metadata = requests.get(f"{url}/.well-known/oauth-authorization-server", timeout=60).json()
    assert metadata["grant_types_supported"] == ["client_credentials"]


def test_only_a_client_with_a_secret_and_roles_obtains_a_token(static_environ: dict[str, str]) -> None:
    client = oauth_app(static_environ, **ROLES).test_client()
    for form, headers in ((GRANT, basic_auth("other", OTHER_SECRET)), ({**GRANT, "client_id": "phone"}, {})):
        response = client.post("/oauth/token", data=form, headers=headers)
        assert "OAUTH_CLIENT_ROLES" in oauth_error(response, 400, "unauthorized_client")
    wrong = client.post("/oauth/token", data=GRANT, headers=basic_auth("reports", "wrong"))
    assert oauth_error(wrong, 401, "invalid_client")


@pytest.mark.parametrize("roles", ["reports", "reports:", ":user", "phone:user", "unknown:user", "reports:a;b"])
def test_invalid_roles_prevent_a_start(roles: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OAuthSettings.read({"OAUTH_CLIENTS": CLIENTS, "OAUTH_CLIENT_ROLES": roles})
    (line,) = caught.value.lines
    assert line.startswith("OAUTH_CLIENT_ROLES ")
