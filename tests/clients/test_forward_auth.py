"""Reverse proxies protect applications by forward authentication, as configured in docs/forward-auth.md."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import requests

from app import create_app
from services.context import services_of
from services.tokens.issuer import TokenIssuer
from tests.servers.echo import Echo, echo
from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port
from tests.servers.reverse_proxies import PROXIES, Site, reverse_proxy
from tests.servers.wsgi_servers import wsgi_server
from tests.support.forward_auth import (
    FORGED_HEADERS,
    FORGERIES,
    IDENTITY,
    PAGE,
    REJECTABLE_FORGERIES,
    admin,
    ask,
    bearer,
    configuration,
    identity_headers,
    received_identity,
    with_cookie,
)
from tests.support.newcomer import block
from tests.support.stores import SECRET_KEY
from tests.support.users import SAMPLE_USERS, ZOE

BACKENDS = ("gunicorn-gthread", "waitress", "granian", "uwsgi", "cheroot", "hypercorn")


@pytest.fixture(scope="module")
def service(static_environ: dict[str, str]) -> Iterator[str]:
    """The URL of Latchkey."""
    with gunicorn(static_environ) as url:
        yield url


@pytest.fixture(scope="module")
def application() -> Iterator[Echo]:
    """An application that shows the headers as it received them."""
    with echo() as running:
        yield running


@pytest.fixture(scope="module")
def backends(static_environ: dict[str, str]) -> Iterator[dict[str, int]]:
    """The ports of an application on each server."""
    with ExitStack() as servers:
        urls = {
            name: servers.enter_context(wsgi_server(name, static_environ, "tests.servers.wsgi_echo:create_app"))
            for name in BACKENDS
        }
        yield {name: int(url.rpartition(":")[2]) for name, url in urls.items()}


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest) -> str:
    """The name of the proxy."""
    return str(request.param)


@pytest.fixture(scope="module")
def sites(proxy: str, service: str, application: Echo, backends: dict[str, int]) -> Iterator[dict[str, Site]]:
    """The sites of the proxy: one for each server, and `echo`."""
    applications = {**backends, "echo": application.port}
    configured = {port: configuration(proxy, service, port) for port in applications.values()}
    texts = {f"127.0.0.1:{port}": site for port, (site, _) in configured.items()}
    with reverse_proxy(proxy, texts, configured[application.port][1]) as ports:
        yield dict(zip(applications, ports, strict=True))


@pytest.fixture
def page(sites: dict[str, Site]) -> str:
    """The URL of a page of the application `echo`, behind the proxy."""
    return f"http://127.0.0.1:{sites['echo'].port}/page"


@pytest.fixture(scope="module")
def issuer(static_environ: dict[str, str]) -> TokenIssuer:
    """An issuer of tokens that Latchkey accepts."""
    return services_of(create_app({**static_environ, "SECRET_KEY": SECRET_KEY})).issuer


def login(service: str, email: str, password: str) -> dict[str, str]:
    response = requests.post(f"{service}/api/auth", json={"email": email, "password": password}, timeout=60)
    return bearer(response.json()["data"])


def test_user_with_the_role_reaches_the_page_with_identity_headers(page: str, service: str) -> None:
    identity = identity_headers(requests.get(page, headers=login(service, ZOE.email, ZOE.password), timeout=60))
    roles = identity.pop("X-Auth-Roles")
    assert {name: unquote(text) for name, text in identity.items()} == {
        "X-Auth-User": ZOE.username,
        "X-Auth-Idp": "static",
        "X-Auth-Email": ZOE.email,
    }
    assert sorted(roles.split(",")) == sorted(ZOE.roles)


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


@pytest.mark.parametrize("forgery", [*FORGERIES, *REJECTABLE_FORGERIES])
@pytest.mark.parametrize(("email", "idp"), [("zoe@example.org", "ldap"), (None, None)])
def test_client_cannot_forge_or_remove_identity_headers(
    sites: dict[str, Site], issuer: TokenIssuer, forgery: str, email: str | None, idp: str | None
) -> None:
    token = [f"{name}: {text}" for name, text in admin(issuer, email=email, idp=idp).items()]
    responses = {
        name: ask(sites[name].port, [*token, *(FORGERIES | REJECTABLE_FORGERIES)[forgery]]) for name in BACKENDS
    }
    granted = (200, received_identity({**IDENTITY, "HTTP_X_AUTH_EMAIL": email or "", "HTTP_X_AUTH_IDP": idp or ""}))
    rejected = (400, dict[str, str]())
    assert [(name, response) for name, response in responses.items() if response not in (granted, rejected)] == []
    if forgery in FORGERIES:
        assert rejected not in responses.values()


def test_client_cannot_forge_identity_headers_with_http2(sites: dict[str, Site], issuer: TokenIssuer) -> None:
    token = admin(issuer)["Authorization"]
    forged = [option for header in FORGERIES["underscores in lower case"] for option in ("-H", header)]
    for name in BACKENDS:
        url = f"http://127.0.0.1:{sites[name].http2_port}/page"
        command = ["curl", "-sS", "--http2-prior-knowledge", "-w", "\n%{http_version}", "-H", f"Authorization: {token}"]
        output = subprocess.run([*command, *forged, url], check=True, capture_output=True, text=True, timeout=60).stdout
        body, _, version = output.rpartition("\n")
        assert (name, received_identity(json.loads(body)), version) == (name, IDENTITY, "2")


def test_websocket_request_is_authenticated(proxy: str, page: str, issuer: TokenIssuer, application: Echo) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AQIDBAUGBwgJCgsMDQ4PEA=="
    response = requests.get(page, headers={**admin(issuer), **upgrade}, timeout=60)
    assert (response.status_code, application.requests[-1]) == (200, ("/page", ""))
    # Envoy forwards no body of a response that does not switch protocols.
    assert proxy == "envoy" or identity_headers(response)
    before = list(application.requests)
    assert requests.get(page, headers=upgrade, timeout=60).status_code == 401
    assert application.requests == before


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_cookie_is_turned_into_the_header(name: str, service: str, issuer: TokenIssuer, application: Echo) -> None:
    site, files = configuration(name, service, application.port)
    with reverse_proxy(name, {f"127.0.0.1:{application.port}": with_cookie(name, site)}, files) as (at,):
        url, token = f"http://127.0.0.1:{at.port}/page", admin(issuer)["Authorization"].removeprefix("Bearer ")
        responses = [
            requests.get(url, headers=headers, timeout=60)
            for headers in (
                {"Cookie": f"a=b; latchkey={token}; c=d"},
                {"Cookie": f"latchkey={token}", **bearer("x")},
                {"Cookie": "latchkey=x", **bearer(token)},
                {"Cookie": "latchkey=x"},
                {"Cookie": f"other={token}"},
                {},
            )
        ]
    assert [response.status_code for response in responses] == [200, 401, 200, 401, 401, 401]
    assert identity_headers(responses[0])["X-Auth-User"] == "zo%C3%A9"


@pytest.mark.parametrize("size", [9_000, 30_000])
def test_large_cookies_do_not_reach_latchkey(page: str, issuer: TokenIssuer, size: int) -> None:
    headers = {**admin(issuer), "Cookie": f"session={'x' * size}"}
    response = requests.get(page, headers=headers, timeout=60)
    assert identity_headers(response)["X-Auth-User"] == "zo%C3%A9"
    assert headers["Cookie"] in dict(response.json()["headers"]).values()


@pytest.mark.parametrize("name", ["a\r\nX-Auth-Roles: super_admin", "a,b", "%41", "日本 太郎", "\U0001f511", '"x" \\'])
def test_unusual_names_arrive_unchanged(page: str, issuer: TokenIssuer, name: str) -> None:
    response = requests.get(page, headers=admin(issuer, username=name, roles=["admin", name]), timeout=60)
    identity = identity_headers(response)
    assert (unquote(identity["X-Auth-User"]), identity["X-Auth-Email"]) == (name, "zoe@example.org")
    assert [unquote(role) for role in identity["X-Auth-Roles"].split(",")] == ["admin", name]


def test_many_roles_and_a_long_name_reach_the_page(page: str, issuer: TokenIssuer) -> None:
    roles = ["admin", *(f"役割{number:03}" for number in range(140))]
    response = requests.get(page, headers=admin(issuer, username="名" * 100, roles=roles), timeout=60)
    identity = identity_headers(response)
    assert [unquote(role) for role in identity["X-Auth-Roles"].split(",")] == roles
    assert unquote(identity["X-Auth-User"]) == "名" * 100


@pytest.mark.parametrize("body", [b"x" * 100_000, (b"x" * 50_000, b"x" * 50_000)], ids=["whole", "in chunks"])
def test_request_body_reaches_the_page(page: str, issuer: TokenIssuer, body: Any) -> None:
    data = body if isinstance(body, bytes) else iter(body)
    response = requests.post(f"{page}?q=1", data, headers=admin(issuer), timeout=60)
    assert identity_headers(response)
    assert (response.json()["path"], response.json()["body"]) == ("/page?q=1", "x" * 100_000)


def test_auth_request_has_no_body_and_forged_headers_do_not_replace_absent_ones(
    proxy: str, issuer: TokenIssuer
) -> None:
    with echo() as service, echo() as application:
        site, files = configuration(proxy, f"http://127.0.0.1:{service.port}", application.port)
        with reverse_proxy(proxy, {f"127.0.0.1:{application.port}": site}, files) as (at,):
            service.requests.clear()
            application.requests.clear()
            headers = {**admin(issuer), **FORGED_HEADERS}
            response = requests.post(f"http://127.0.0.1:{at.port}/page", b"x" * 100_000, headers=headers, timeout=90)
        # Envoy appends the path of the client.
        assert service.requests == [
            ("/api/auth/verify/page" if proxy == "envoy" else "/api/auth/verify?role=admin", "")
        ]
        if response.status_code == 200:
            assert application.requests == [("/page", "x" * 100_000)]
            assert "root" not in str(identity_headers(response))
        else:
            # 403 if the proxy itself checks the roles.
            assert (response.status_code == 403 or response.status_code >= 500, application.requests) == (True, [])


def test_access_is_denied_while_latchkey_is_unavailable(proxy: str, issuer: TokenIssuer, application: Echo) -> None:
    before = list(application.requests)
    site, files = configuration(proxy, f"http://127.0.0.1:{free_port()}", application.port)
    with reverse_proxy(proxy, {f"127.0.0.1:{application.port}": site}, files) as (at,):
        headers = {**admin(issuer), **FORGED_HEADERS}
        response = requests.get(f"http://127.0.0.1:{at.port}/page", headers=headers, timeout=60)
    assert response.status_code >= 500
    assert application.requests == before


def test_internal_location_of_nginx_is_not_reachable_from_outside(
    service: str, application: Echo, issuer: TokenIssuer
) -> None:
    site, files = configuration("nginx", service, application.port)
    with reverse_proxy("nginx", {f"127.0.0.1:{application.port}": site}, files) as (at,):
        for path in ("/_latchkey", "/%5Flatchkey", "/x/../_latchkey"):
            response = requests.get(f"http://127.0.0.1:{at.port}{path}", headers=admin(issuer), timeout=60)
            assert response.status_code == 404


def test_servers_fold_underscores_as_documented(backends: dict[str, int]) -> None:
    forged = {name: ask(port, ["X-Auth-User: zoe", "X_Auth_User: root"])[1] for name, port in backends.items()}
    values = {name: variables["HTTP_X_AUTH_USER"].replace(" ", "") for name, variables in forged.items()}
    joined = dict.fromkeys(("uwsgi", "hypercorn"), "zoe,root")
    replaced = dict.fromkeys(("granian", "cheroot"), "root")
    assert values == {"gunicorn-gthread": "zoe", "waitress": "zoe", **joined, **replaced}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, "200 OK"),
        ({"HTTP_X_AUTH_EMAIL": "", "HTTP_X_AUTH_ROLES": "admin,user"}, "200 OK"),
        ({"HTTP_X_AUTH_IDP": None, "HTTP_X_AUTH_EMAIL": None, "HTTP_X_AUTH_ROLES": None}, "200 OK"),
        ({"HTTP_X_AUTH_USER": None}, "403 Forbidden"),
        ({"HTTP_X_AUTH_USER": ""}, "403 Forbidden"),
        ({"HTTP_X_AUTH_USER": "zoe,root"}, "403 Forbidden"),
        ({"HTTP_X_AUTH_IDP": "ldap,static"}, "403 Forbidden"),
        ({"HTTP_X_AUTH_EMAIL": "zoe@example.org, root"}, "403 Forbidden"),
    ],
)
def test_documented_middleware_rejects_missing_and_joined_headers(changed: dict[str, str | None], status: str) -> None:
    module: dict[str, Any] = {}
    exec(block(PAGE, "python", "require_identity"), module)  # noqa: S102 - the code of this project's documentation
    statuses = []

    def application(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"page"]

    environ = {name: text for name, text in {**IDENTITY, **changed}.items() if text is not None}
    module["require_identity"](application)(environ, lambda status, _: statuses.append(status))
    assert statuses == [status]
