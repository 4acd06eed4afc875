"""nginx protects a page by forward authentication, with the configuration in docs/forward-auth.md."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote

import pytest
import requests

from app import create_app
from services.context import services_of
from services.tokens.issuer import TokenIssuer
from tests.servers.echo import Echo, echo
from tests.servers.gunicorn import gunicorn
from tests.servers.nginx import nginx
from tests.servers.process import free_port
from tests.support.newcomer import block
from tests.support.stores import SECRET_KEY
from tests.support.users import SAMPLE_USERS, ZOE

FORGED_HEADERS = {"X-Auth-User": "root", "X-Auth-Email": "root@evil.example", "X-Auth-Roles": "super_admin"}
SPELLINGS: list[dict[str, str]] = [FORGED_HEADERS, {name.lower(): text for name, text in FORGED_HEADERS.items()}]
SPELLINGS += [{name.upper().replace("-", "_"): text for name, text in FORGED_HEADERS.items()}]


def locations(service: str, application: Echo) -> str:
    """Return the locations in the documentation, with the addresses of this test."""
    shown = block("docs/forward-auth.md", "nginx", "auth_request")
    assert "http://127.0.0.1:5000/" in shown
    assert "http://127.0.0.1:9000" in shown
    return shown.replace("http://127.0.0.1:5000", service).replace(":9000", f":{application.port}")


@pytest.fixture(scope="module")
def service(static_environ: dict[str, str]) -> Iterator[str]:
    """The URL of Latchkey."""
    with gunicorn(static_environ) as url:
        yield url


@pytest.fixture(scope="module")
def application() -> Iterator[Echo]:
    """The application that nginx protects."""
    with echo() as running:
        yield running


@pytest.fixture(scope="module")
def page(service: str, application: Echo) -> Iterator[str]:
    """The URL of a page that nginx protects."""
    with nginx(locations(service, application)) as url:
        yield f"{url}/page"


@pytest.fixture(scope="module")
def issuer(static_environ: dict[str, str]) -> TokenIssuer:
    """An issuer of tokens that Latchkey accepts."""
    return services_of(create_app({**static_environ, "SECRET_KEY": SECRET_KEY})).issuer


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def admin(issuer: TokenIssuer, **changed: Any) -> dict[str, str]:
    """Return the header of a user with the role `admin`, which the page requires."""
    return bearer(issuer.generate({"username": "zoé", "email": "zoe@example.org", "roles": ["admin"], **changed}))


def identity_headers(response: requests.Response) -> list[tuple[str, str]]:
    """Return the identity headers that reached the application, in any spelling."""
    assert response.status_code == 200, response.text
    about = [(name, text) for name, text in response.json()["headers"] if "auth" in name.lower()]
    return sorted((name, text) for name, text in about if name != "Authorization")


def login(service: str, email: str, password: str) -> dict[str, str]:
    response = requests.post(f"{service}/api/auth", json={"email": email, "password": password}, timeout=60)
    return bearer(response.json()["data"])


def test_user_with_the_role_reaches_the_page_with_identity_headers(page: str, service: str) -> None:
    response = requests.get(page, headers=login(service, ZOE.email, ZOE.password), timeout=60)
    named = dict(identity_headers(response))
    assert {name: unquote(text) for name, text in named.items()} == {
        "X-Auth-User": ZOE.username,
        "X-Auth-Email": ZOE.email,
        "X-Auth-Roles": named["X-Auth-Roles"],
    }
    assert sorted(named["X-Auth-Roles"].split(",")) == sorted(ZOE.roles)


def test_missing_or_invalid_token_is_401_and_does_not_reach_the_page(
    page: str, issuer: TokenIssuer, application: Echo
) -> None:
    before = list(application.requests)
    expired = issuer.generate({"username": "zoé", "roles": ["admin"]}, lifetime=-1)
    for headers in ({}, FORGED_HEADERS, bearer("x"), bearer(expired), {"Authorization": "Basic em9lOng="}):
        response = requests.get(page, headers=headers, timeout=60)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")
        assert requests.post(page, b"x", headers=headers, timeout=60).status_code == 401
    assert application.requests == before


@pytest.mark.parametrize("query", ["", "?role=user", "?role=admin", "?role=user&role=admin"])
def test_missing_role_is_403_with_any_query(page: str, service: str, application: Echo, query: str) -> None:
    before = list(application.requests)
    person = SAMPLE_USERS[1]
    headers = {**login(service, person.email, person.password), **FORGED_HEADERS}
    assert requests.get(f"{page}{query}", headers=headers, timeout=60).status_code == 403
    assert application.requests == before


@pytest.mark.parametrize("forged", SPELLINGS)
@pytest.mark.parametrize("email", ["zoe@example.org", None])
def test_identity_headers_of_the_client_do_not_reach_the_page(
    page: str, issuer: TokenIssuer, forged: dict[str, str], email: str | None
) -> None:
    response = requests.get(page, headers={**admin(issuer, email=email), **forged}, timeout=60)
    identity = [("X-Auth-Email", email)] if email else []
    assert identity_headers(response) == [*identity, ("X-Auth-Roles", "admin"), ("X-Auth-User", "zo%C3%A9")]
    assert "root" not in response.text


@pytest.mark.parametrize("name", ["a\r\nX-Auth-Roles: super_admin", "a,b", "%41", "日本 太郎", "\U0001f511", '"x" \\'])
def test_unusual_names_arrive_unchanged(page: str, issuer: TokenIssuer, name: str) -> None:
    response = requests.get(page, headers=admin(issuer, username=name, roles=["admin", name]), timeout=60)
    identity = dict(identity_headers(response))
    assert (unquote(identity["X-Auth-User"]), identity["X-Auth-Email"]) == (name, "zoe@example.org")
    assert [unquote(role) for role in identity["X-Auth-Roles"].split(",")] == ["admin", name]


def test_many_roles_and_a_long_name_reach_the_page(page: str, issuer: TokenIssuer) -> None:
    roles = ["admin", *(f"役割{number:03}" for number in range(140))]
    response = requests.get(page, headers=admin(issuer, username="名" * 100, roles=roles), timeout=60)
    identity = dict(identity_headers(response))
    assert [unquote(role) for role in identity["X-Auth-Roles"].split(",")] == roles
    assert unquote(identity["X-Auth-User"]) == "名" * 100


@pytest.mark.parametrize("body", [b"x" * 100_000, iter([b"x" * 50_000, b"x" * 50_000])], ids=["whole", "in chunks"])
def test_request_body_reaches_the_page(page: str, issuer: TokenIssuer, body: Any) -> None:
    response = requests.post(f"{page}?q=1", body, headers=admin(issuer), timeout=60)
    assert identity_headers(response)
    assert (response.json()["path"], response.json()["body"]) == ("/page?q=1", "x" * 100_000)


def test_auth_request_has_no_body_and_absent_headers_remove_forged_ones(issuer: TokenIssuer) -> None:
    with echo() as service, echo() as application:
        with nginx(locations(f"http://127.0.0.1:{service.port}", application)) as url:
            response = requests.post(
                f"{url}/page", b"x" * 100_000, headers={**admin(issuer), **FORGED_HEADERS}, timeout=90
            )
        assert service.requests == [("/api/auth/verify?role=admin", "")]
        assert application.requests == [("/page", "x" * 100_000)]
        assert identity_headers(response) == []


def test_internal_location_is_not_reachable_from_outside(page: str, issuer: TokenIssuer) -> None:
    for path in ("/_latchkey", "/%5Flatchkey", "/x/../_latchkey"):
        response = requests.get(page.replace("/page", path), headers=admin(issuer), timeout=60)
        assert response.status_code == 404


def test_access_is_denied_while_latchkey_is_unavailable(issuer: TokenIssuer) -> None:
    with ExitStack() as servers:
        application = servers.enter_context(echo())
        url = servers.enter_context(nginx(locations(f"http://127.0.0.1:{free_port()}", application)))
        assert requests.get(url, headers={**admin(issuer), **FORGED_HEADERS}, timeout=60).status_code == 500
        assert application.requests == []
