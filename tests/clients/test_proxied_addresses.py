"""Behind reverse proxies configured as in docs/reverse-proxies.md, logins are counted by the address of the client."""

from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection
from json import dumps
from typing import NamedTuple

import pytest

from tests.servers.gunicorn import gunicorn
from tests.servers.reverse_proxies import reverse_proxy
from tests.support.newcomer import block

PAGE = "docs/reverse-proxies.md"
LIMIT = 3
SETTINGS = {"hops": "1", "networks": "127.0.0.1"}
FORGERIES: Mapping[str, Sequence[str]] = {
    "one header": ["X-Forwarded-For: 203.0.113.{n}"],
    "several headers": ["X-Forwarded-For: 203.0.113.{n}", "X-Forwarded-For: 198.51.100.{n}, 127.0.0.1"],
    "underscores": ["X_Forwarded_For: 203.0.113.{n}", "x_forwarded_for: 127.0.0.1"],
    "other headers": ["Forwarded: for=203.0.113.{n}", "X-Real-IP: 203.0.113.{n}", "X-Client-IP: 203.0.113.{n}"],
    "garbage": ["X-Forwarded-For: {n}, unknown, [::1, ,"],
    "connection": ["Connection: close, X-Forwarded-For", "X-Forwarded-For: 203.0.113.{n}"],
}


class Service(NamedTuple):
    """A proxy in front of gunicorn."""

    port: int
    name: str


def site(proxy: str, address: str) -> str:
    """Return the documented configuration of the proxy. Caddy and Traefik need nothing for the header."""
    if proxy == "traefik":
        return "compress: {}"
    language, part = {"nginx": ("nginx", "location / {\n    proxy_pass"), "haproxy": ("haproxy", "forwardfor")}.get(
        proxy, ("caddyfile", "reverse_proxy")
    )
    documented = block(PAGE, language, part)
    return documented.replace("127.0.0.1:8000", address)


@pytest.fixture(scope="module", params=["nginx", "caddy", "caddy of Debian", "traefik", "haproxy"])
def proxy(request: pytest.FixtureRequest) -> str:
    """The name of the proxy."""
    return str(request.param)


@pytest.fixture(scope="module", params=SETTINGS)
def service(request: pytest.FixtureRequest, proxy: str, static_environ: dict[str, str]) -> Iterator[Service]:
    settings = {
        "TRUSTED_PROXIES": SETTINGS[request.param],
        "LOGIN_ATTEMPTS_PER_ADDRESS": f"{LIMIT}/hour",
        "LOGIN_FAILURES_PER_ACCOUNT": "1000/hour",
    }
    with gunicorn({**static_environ, **settings}) as url:
        address = url.removeprefix("http://")
        with reverse_proxy(proxy, {address: site(proxy, address)}, {"latchkey.lua": ""}, "/health/live") as (at,):
            yield Service(at.port, proxy)


_CLIENTS = iter(f"127.0.1.{number}" for number in range(1, 255))


@pytest.fixture
def client() -> str:
    """An address from which no test has logged in."""
    return next(_CLIENTS)


def log_in(service: Service, client: str, headers: Sequence[str] = ()) -> int:
    connection = HTTPConnection("127.0.0.1", service.port, timeout=60, source_address=(client, 0))
    body = dumps({"email": "nobody", "password": "not the password of any user"}).encode()
    try:
        connection.putrequest("POST", "/api/auth")
        for header in [f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]:
            connection.putheader(*header.split(": ", 1))
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


def test_clients_of_a_proxy_are_limited_separately(service: Service, client: str) -> None:
    assert [log_in(service, client) for _ in range(LIMIT + 1)] == [400] * LIMIT + [429]
    assert log_in(service, next(_CLIENTS)) == 400


@pytest.mark.parametrize("forgery", FORGERIES)
def test_client_cannot_choose_its_address(service: Service, client: str, forgery: str) -> None:
    headers = ([header.format(n=n) for header in FORGERIES[forgery]] for n in range(LIMIT + 1))
    assert [log_in(service, client, forged) for forged in headers] == [400] * LIMIT + [429]
    assert log_in(service, client) == 429
