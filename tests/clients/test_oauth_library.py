"""requests-oauthlib, a library of other authors, logs in, refreshes tokens and uses them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from oauthlib.oauth2 import (
    InvalidClientError,
    InvalidGrantError,
    LegacyApplicationClient,
    TemporarilyUnavailableError,
    TokenExpiredError,
)
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.servers.gunicorn import gunicorn
from tests.support.oauth import CLIENTS, SECRET
from tests.support.session_rows import age_rotations, wait_for_delivery
from tests.support.stores import engine_of
from tests.support.users import ZOE

IN_HEADER: dict[str, Any] = {"auth": HTTPBasicAuth("reports", SECRET)}
IN_FORM: dict[str, Any] = {"include_client_id": True, "client_secret": SECRET}
PUBLIC: dict[str, Any] = {"include_client_id": True}


@pytest.fixture(scope="module")
def url(sqlite_environ: dict[str, str]) -> Iterator[str]:
    with gunicorn({**sqlite_environ, "OAUTH_CLIENTS": CLIENTS, "OAUTH_PASSWORD_GRANT": "true"}) as url:
        yield url


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow plain HTTP, which the library refuses by default."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[OAuth2Session]:
    """A session of the library for the client that the test names."""
    with OAuth2Session(client=LegacyApplicationClient(client_id=getattr(request, "param", "reports"))) as session:
        yield session


def fetch(session: OAuth2Session, url: str, password: str = ZOE.password, **authentication: Any) -> dict[str, Any]:
    """Log in with the library."""
    fetched: dict[str, Any] = session.fetch_token(
        f"{url}/oauth/token", username=ZOE.email, password=password, **authentication
    )
    return fetched


def admin(session: requests.Session, url: str) -> tuple[int, str]:
    """Return the status and message of a guarded route."""
    response = session.get(f"{url}/api/protected_route_admin", timeout=60)
    return response.status_code, response.json()["message"]


ACCESS_GRANTED = (200, "You have accessed a admin protected route.")


@pytest.mark.parametrize(
    ("session", "authentication"),
    [("reports", IN_HEADER), ("reports", IN_FORM), ("phone", PUBLIC)],
    indirect=["session"],
    ids=["secret in the header", "secret in the form", "public"],
)
def test_library_logs_in_refreshes_and_calls_a_guarded_route(
    session: OAuth2Session, url: str, authentication: dict[str, Any]
) -> None:
    fetched = dict(fetch(session, url, **authentication))
    assert (fetched["token_type"], fetched["expires_in"]) == ("Bearer", 3600)
    assert admin(session, url) == ACCESS_GRANTED
    again = authentication if "auth" in authentication else {"client_id": session.client_id, **authentication}
    again = {name: value for name, value in again.items() if name != "include_client_id"}
    refreshed = session.refresh_token(f"{url}/oauth/token", **again)
    assert refreshed["access_token"] != fetched["access_token"]
    assert refreshed["refresh_token"] != fetched["refresh_token"]
    assert admin(session, url) == ACCESS_GRANTED


def test_library_refreshes_an_expired_token_automatically(url: str) -> None:
    saved: list[dict[str, Any]] = []
    with OAuth2Session(client=LegacyApplicationClient(client_id="reports")) as first:
        old = fetch(first, url, **IN_HEADER)
    past = {**old, "expires_in": -1, "expires_at": time.time() - 1}
    authentication = {"client_id": "reports", "client_secret": SECRET}
    with OAuth2Session(
        "reports",
        token=past,
        auto_refresh_url=f"{url}/oauth/token",
        auto_refresh_kwargs=authentication,
        token_updater=saved.append,
    ) as session:
        assert admin(session, url) == ACCESS_GRANTED
        assert admin(session, url) == ACCESS_GRANTED
        (new,) = saved
        assert session.token == new
    assert {new[name] for name in ("access_token", "refresh_token")}.isdisjoint(old.values())


def test_library_reports_an_expired_token_without_auto_refresh(session: OAuth2Session, url: str) -> None:
    session.token = {**fetch(session, url, **IN_HEADER), "expires_in": -1, "expires_at": time.time() - 1}
    with pytest.raises(TokenExpiredError):
        admin(session, url)


def test_library_maps_error_responses_to_its_exceptions(
    session: OAuth2Session, url: str, sqlite_environ: dict[str, str]
) -> None:
    with pytest.raises(InvalidGrantError, match="Invalid credentials"):
        fetch(session, url, password="wrong", **IN_HEADER)
    with pytest.raises(InvalidClientError, match="Unknown client or wrong secret"):
        fetch(session, url, auth=HTTPBasicAuth("reports", "wrong"))
    spent = fetch(session, url, **IN_HEADER)["refresh_token"]
    session.refresh_token(f"{url}/oauth/token", refresh_token=spent, **IN_HEADER)
    with pytest.raises(TemporarilyUnavailableError, match="just exchanged"):
        session.refresh_token(f"{url}/oauth/token", refresh_token=spent, **IN_HEADER)
    wait_for_delivery(engine_of(sqlite_environ), spent)
    age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
    with pytest.raises(InvalidGrantError, match="already used"):
        session.refresh_token(f"{url}/oauth/token", refresh_token=spent, **IN_HEADER)
    assert admin(session, url)[0] == 401


def test_tokens_of_the_library_can_be_introspected_and_revoked(session: OAuth2Session, url: str) -> None:
    presented = {"token": fetch(session, url, **IN_HEADER)["access_token"]}
    asked = [
        requests.post(f"{url}/oauth/{endpoint}", presented, **IN_HEADER, timeout=60)
        for endpoint in ("introspect", "revoke", "introspect")
    ]
    assert [response.json().get("active") for response in asked] == [True, None, False]
    assert admin(session, url) == (401, "Invalid access token: revoked")
