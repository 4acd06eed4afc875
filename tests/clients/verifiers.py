"""Services that verify access tokens with the software of docs/checked-with.md, as the page configures it."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import requests
import trustme
from a2wsgi import ASGIMiddleware
from flask import Flask
from werkzeug.test import Client

from services.keys.pem import public_pem
from tests.clients.conftest import StandardService
from tests.servers.echo import echo
from tests.servers.process import free_port, listens, running
from tests.servers.reverse_proxies import reverse_proxy
from tests.support.log_scan import open_log
from tests.support.newcomer import block
from tests.support.sessions import bearer

PAGE = "docs/checked-with.md"
ISSUER = "https://auth.example.org"

Status = Callable[[str], int]
"""Returns the status of the response to a request with this access token."""
Verifier = Callable[[StandardService], AbstractContextManager[Status]]


def documented(language: str, part: str, service: StandardService, page: str = PAGE) -> str:
    """Return the one block of a page that has this part, with the URL of the service."""
    return block(page, language, part).replace(ISSUER, service.url)


@contextmanager
def javascript(*sources: str) -> Iterator[list[str]]:
    """Yield the command that runs a module of JavaScript with the packages of the tests."""
    with TemporaryDirectory() as folder:
        script = Path(folder, "script.mjs")
        script.write_text("\n".join(sources))
        Path(folder, "node_modules").symlink_to(Path(__file__).resolve().with_name("node_modules"))
        yield ["node", str(script)]


def allow_plain_http(source: str) -> str:
    """Return a program that uses oauth4webapi or openid-client, with the option to connect without TLS."""
    allowed = "[oauth.allowInsecureRequests]: true"
    if "from 'openid-client'" in source:
        return source.replace("algorithm: 'oauth2'", "algorithm: 'oauth2', execute: [client.allowInsecureRequests]")
    source = source.replace("algorithm: 'oauth2'", f"algorithm: 'oauth2', {allowed}")
    source = source.replace("'password', parameters,", f"'password', parameters, {{ {allowed} }},")
    return source.replace("request, 'latchkey')", f"request, 'latchkey', {{ {allowed} }})")


def _status_of(url: str) -> Status:
    return lambda token: requests.get(url, headers=bearer(token), timeout=60).status_code


def _status_in_process(application: Any) -> Status:
    return lambda token: Client(application).get("/", headers=bearer(token)).status_code


def _module(name: str, *sources: str) -> dict[str, Any]:
    module = sys.modules[name] = ModuleType(name)
    for source in sources:
        exec(source, vars(module))  # noqa: S102 - the code of this project's documentation
    return vars(module)


@contextmanager
def pyjwt(service: StandardService) -> Iterator[Status]:
    """PyJWT in FastAPI."""
    claims_of = documented("python", "PyJWKClient", service, "docs/verifying-tokens.md")
    module = _module("orders", claims_of, documented("python", "FastAPI(", service))
    yield _status_in_process(ASGIMiddleware(module["app"]))


@contextmanager
def flask_application(part: str, service: StandardService) -> Iterator[Status]:
    """An application whose block on the page has this part."""
    app: Flask = _module("orders", documented("python", part, service))["app"]
    yield _status_in_process(app)


@contextmanager
def django(service: StandardService) -> Iterator[Status]:
    """Django REST framework with simplejwt. Django has one configuration in each process."""
    from django.conf import settings  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    configured: dict[str, Any] = {"ROOT_URLCONF": "shop.urls", "ALLOWED_HOSTS": ["*"], "SECRET_KEY": "of Django"}
    configured["INSTALLED_APPS"] = ["django.contrib.auth", "django.contrib.contenttypes"]
    page = _module("shop.settings", documented("python", "SIMPLE_JWT", service))
    settings.configure(**configured, REST_FRAMEWORK=page["REST_FRAMEWORK"], SIMPLE_JWT=page["SIMPLE_JWT"])
    application = get_wsgi_application()
    _module("shop")
    _module("shop.tokens", documented("python", "JWTStatelessUserAuthentication", service))
    _module("shop.urls", _DJANGO_URLS)
    yield _status_in_process(application)


_DJANGO_URLS = """
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response

urlpatterns = [path("", api_view()(lambda request: Response({"user": request.user.id, **request.auth.payload})))]
"""


@contextmanager
def node(part: str, rest: str, service: StandardService) -> Iterator[Status]:
    """A block of JavaScript that has this part, and the rest of the program."""
    port = free_port()
    block = allow_plain_http(documented("js", part, service))
    with javascript(block, rest.replace("PORT", str(port))) as command, open_log() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        with running(process, lambda: listens(port)):
            yield _status_of(f"http://127.0.0.1:{port}/")


_NODE_SERVER = """
import { createServer } from 'node:http'
createServer(({ headers }, response) => {
  const verified = claimsOf(new Request('http://127.0.0.1/', { headers }))
  verified.then(() => response.end(), () => response.writeHead(401).end())
}).listen(PORT, '127.0.0.1')
"""


@contextmanager
def haproxy(service: StandardService) -> Iterator[Status]:
    """HAProxy in front of an application that accepts every request."""
    site = documented("haproxy", "jwt_verify", service).replace("/etc/haproxy/", "")
    files = {"latchkey.pem": public_pem(service.key), "latchkey.lua": ""}
    with echo() as application, reverse_proxy("haproxy", {f"127.0.0.1:{application.port}": site}, files) as (at,):
        yield _status_of(f"http://127.0.0.1:{at.port}/")


@contextmanager
def apache(service: StandardService) -> Iterator[Status]:
    """Apache in front of an application that accepts every request. It fetches the key set over TLS only."""
    site = documented("apache", "OIDCOAuthVerifyJwksUri", service)
    with _tls(service) as url, echo() as application:
        backend = f"127.0.0.1:{application.port}"
        site = site.replace(f"JwksUri {service.url}", f"JwksUri {url}")
        more = f"OIDCOAuthSSLValidateServer Off\nProxyPass / http://{backend}/\n"
        with reverse_proxy("apache", {backend: site + more}) as (at,):
            yield _status_of(f"http://127.0.0.1:{at.port}/")


@contextmanager
def _tls(service: StandardService) -> Iterator[str]:
    certificate = trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes().decode()
    port = free_port()
    site = f"bind 127.0.0.1:{port} ssl crt server.pem"
    files = {"server.pem": certificate, "latchkey.lua": ""}
    with reverse_proxy("haproxy", {service.url.removeprefix("http://"): site}, files, "/health/live"):
        yield f"https://127.0.0.1:{port}"


VERIFIERS: Mapping[str, Verifier] = {
    "PyJWT in FastAPI": pyjwt,
    "Authlib": partial(flask_application, "JWTBearerTokenValidator"),
    "Flask-JWT-Extended": partial(flask_application, "JWTManager"),
    "simplejwt": django,
    "jose": partial(node, "createRemoteJWKSet", _NODE_SERVER),
    "oauth4webapi": partial(node, "validateJwtAccessToken", _NODE_SERVER),
    "express-oauth2-jwt-bearer": partial(node, "express()", "app.listen(PORT, '127.0.0.1')"),
    "HAProxy": haproxy,
    "mod_auth_openidc": apache,
}
