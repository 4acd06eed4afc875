"""A path has one spelling, with each server; and no header changes the path, the scheme or the host of a request."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from app import create_app
from tests.servers.reverse_proxies import reverse_proxy
from tests.servers.wsgi_servers import WSGI_SERVERS, wsgi_server
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE

ISSUER = "https://auth.example.org"
LOGIN = json.dumps({"email": ZOE.email, "password": ZOE.password}).encode()
METADATA = "/.well-known/oauth-authorization-server"

OTHER_SPELLINGS = [
    "//evil.example/api/auth",
    "/api//auth",
    "/api/auth/",
    "/./api/auth",
    "/api/./auth",
    "/api/x/../auth",
    "/../api/auth",
    "/api/auth/.",
    "/api/auth;x=1",
    "/api;x/auth",
    "/api/auth%00",
    "/api/auth%20",
    "/api/auth%3F",
    "/api/auth%23",
    "/api/auth%2F",
    "/api\\auth",
    "/api%5Cauth",
    "/API/auth",
    "api/auth",
    "*",
    "http:/api/auth",
]
ENCODED_SPELLINGS = ["/api/%61uth", "/%61pi/auth", "/api%2Fauth", "/api%2fauth", "/%61%70%69%2f%61%75%74%68"]
OTHER_SPELLINGS += [*ENCODED_SPELLINGS, "/%2Fapi/auth", "/api/%2Fauth", "/%2e/api/auth", "/api/x/%2E%2e/auth"]
WITH_AUTHORITY, WITH_FRAGMENT, WITH_TWO_SLASHES = "http://evil.example/api/auth", "/api/auth#x", "//api/auth"
OTHER_SPELLINGS += [WITH_AUTHORITY, "http://evil.example//api/auth", WITH_FRAGMENT, WITH_TWO_SLASHES, "///api/auth"]

HIDDEN_SPELLINGS = {
    "granian": {*ENCODED_SPELLINGS, WITH_AUTHORITY, WITH_FRAGMENT},
    "hypercorn": {*ENCODED_SPELLINGS},
    "uvicorn-asgiref": {*ENCODED_SPELLINGS},
    "flask-run": {WITH_TWO_SLASHES, "///api/auth"},
}
"""The spellings that a server changes, and does not report to the application: see docs/reverse-proxies.md."""

HEADERS = {
    "Forwarded": 'for=9.9.9.9;proto=https;host="evil.example"',
    "X-Forwarded-For": "9.9.9.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "99",
    "X-Forwarded-Prefix": "/prefix",
    "X-Forwarded-Path": "/prefix",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Ssl": "on",
    "X-Url-Scheme": "https",
    "Front-End-Https": "on",
    "X-Script-Name": "/prefix",
    "Script-Name": "/prefix",
    "SCRIPT_NAME": "/prefix",
    "X-Original-URL": "/api/auth",
    "X-Rewrite-URL": "/api/auth",
    "Path-Info": "/api/auth",
    "PATH_INFO": "/api/auth",
    "Request-Uri": "/api/auth",
    "REQUEST_URI": "/api/auth",
    "RAW_URI": "/api/auth",
    "wsgi.url_scheme": "https",
    "X-HTTP-Method-Override": "DELETE",
}


@pytest.fixture(scope="module", params=WSGI_SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of the server."""
    return str(request.param)


@pytest.fixture(scope="module")
def port(server: str, static_environ: dict[str, str]) -> Iterator[int]:
    """The port of the service behind this server."""
    with wsgi_server(server, {**static_environ, "JWT_ISSUER": ISSUER, "OAUTH_CLIENTS": "phone"}) as url:
        yield int(url.rpartition(":")[2])


def ask(port: int | str, target: str, method: str = "POST", *headers: str) -> tuple[int, str, str]:
    r"""Send a login, or another request, with exactly this target; return the status, the headers and the body.

    A character such as `\udcff` is sent as the octet FF.
    """
    lines = [f"{method} {target} HTTP/1.1", "Host: good.example", "Connection: close", *headers]
    body = LOGIN if method.upper() == "POST" else b""
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    with _connection(port) as connection:
        connection.sendall("\r\n".join(lines).encode("utf-8", "surrogateescape") + body)
        response = b"".join(iter(lambda: connection.recv(65536), b"")).decode("utf-8", "replace")
    head, _, received = response.partition("\r\n\r\n")
    return int(head.split()[1]), head, received


def _connection(port: int | str) -> socket.socket:
    """Return a connection to a port, or to the socket file of this path."""
    if isinstance(port, int):
        return socket.create_connection(("127.0.0.1", port), 60)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(port)
    return connection


@pytest.mark.parametrize("target", OTHER_SPELLINGS)
def test_other_spelling_of_the_login_is_not_found_unless_the_server_hides_it(
    server: str, port: int, target: str
) -> None:
    status, head, _ = ask(port, target)
    assert status in ({200} if target in HIDDEN_SPELLINGS.get(server, ()) else {400, 404})
    assert "location:" not in head.lower()


@pytest.mark.parametrize("method", ["post", "Post"])
def test_method_in_lower_case_is_not_a_login_unless_the_server_capitalizes_it(
    server: str, port: int, method: str
) -> None:
    assert ask(port, "/api/auth", method)[0] in ({200} if server == "hypercorn" else {400, 404})


def test_path_of_the_login_is_found_with_any_query(port: int) -> None:
    for target in ("/api/auth", "/api/auth?", "/api/auth?x=%61", "/api/auth?//x/../%2F"):
        assert ask(port, target)[0] == 200


def test_query_that_is_not_utf_8_is_rejected_unless_the_server_encodes_it(server: str, port: int) -> None:
    for target in ("/api/auth?\udcff", "/api/auth?x=%FF\udc80", "/api/auth?x=\udced\udca0\udc80"):
        assert ask(port, target)[0] in ({200, 400} if server == "flask-run" else {400})


@pytest.mark.parametrize("name", HEADERS)
def test_header_does_not_change_the_path_or_a_url(port: int, name: str) -> None:
    header = f"{name}: {HEADERS[name]}"
    assert ask(port, "/api/auth", "POST", header)[0] == 200
    assert ask(port, "/prefix/api/auth", "POST", header)[0] == 404
    assert ask(port, "/auth", "POST", header)[0] == 404
    assert ask(port, METADATA, "GET", header)[2] == ask(port, METADATA, "GET")[2]


def test_conflicting_proxy_headers_are_not_an_error(port: int) -> None:
    headers = [f"{name}: {text}" for name, text in HEADERS.items()]
    assert ask(port, "/api/auth", "POST", *headers)[0] == 200


@pytest.mark.parametrize("name", sorted({*WSGI_SERVERS} - {"flask-run"}))
def test_server_takes_no_address_path_or_scheme_from_a_header(name: str, static_environ: dict[str, str]) -> None:
    options = ("--no-proxy-headers",) if name.startswith("uvicorn") else ()
    headers = [f"{name}: {text}" for name, text in HEADERS.items()]
    with wsgi_server(name, static_environ, "tests.servers.wsgi_echo:create_app", options) as url:
        port = int(url.rpartition(":")[2])
        plain, forged = (json.loads(ask(port, "/x", "GET", *more)[2]) for more in ([], headers))
    names = {name for name in plain if not name.startswith("mod_wsgi.")} - {"REMOTE_PORT"}
    changed = {name for name in names if forged[name] != plain[name]}
    assert changed == ({"wsgi.url_scheme"} if name == "uwsgi" else set())


def test_gunicorn_takes_no_scheme_or_path_from_a_header_at_a_unix_socket(
    tmp_path: Path, static_environ: dict[str, str]
) -> None:
    path = str(tmp_path / "gunicorn")
    headers = [f"{name}: {text}" for name, text in HEADERS.items()]
    options = ("--bind", f"unix:{path}")
    with wsgi_server("gunicorn-gthread", static_environ, "tests.servers.wsgi_echo:create_app", options):
        plain, forged = (json.loads(ask(path, "/x", "GET", *more)[2]) for more in ([], headers))
    assert {name: forged[name] for name in plain} == plain


COMPARED_PATHS = {
    "nginx": "location = / {{ return 200; }} location = /api/auth {{ return 429; }} location / {{ proxy_pass {url}; }}",
    "haproxy": "http-request deny deny_status 200 if {{ path / }}\n"
    "http-request deny deny_status 429 if {{ path,url_dec /api/auth }}",
}
"""The configuration that limits the login in a proxy, and answers to the tests' first request."""


@pytest.mark.parametrize("proxy", COMPARED_PATHS)
def test_proxy_that_compares_the_decoded_path_limits_all_spellings(proxy: str, static_environ: dict[str, str]) -> None:
    with wsgi_server("granian", static_environ) as url:
        address, site = url.removeprefix("http://"), COMPARED_PATHS[proxy].format(url=url)
        with reverse_proxy(proxy, {address: site}, {"latchkey.lua": ""}) as (at,):
            assert ask(at.port, "/api/auth")[0] == ask(at.port, "/api/%61uth")[0] == 429
            assert {ask(at.port, target)[0] for target in OTHER_SPELLINGS} <= {400, 404, 429}


MOUNTED: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "gunicorn-gthread": ({"SCRIPT_NAME": "/prefix"}, ()),
    "waitress": ({}, ("--url-prefix=/prefix",)),
    "granian": ({}, ("--url-path-prefix=/prefix",)),
    "uwsgi": ({}, ("--single-interpreter", "--manage-script-name", "--mount=/prefix=app:create_app()")),
    "hypercorn": ({}, ("--root-path=/prefix",)),
}
"""The variables and the options with which a server mounts an application below a prefix."""


@pytest.mark.parametrize("name", MOUNTED)
def test_server_can_mount_the_service_below_a_prefix(name: str, static_environ: dict[str, str]) -> None:
    environ, options = MOUNTED[name]
    with wsgi_server(name, {**static_environ, **environ}, options=options) as url:
        port = int(url.rpartition(":")[2])
        assert ask(port, "/prefix/api/auth")[0] == 200
        assert ask(port, "/prefix//api/auth")[0] == 404


@pytest.mark.parametrize("name", ["waitress", "uvicorn-asgiref", "uvicorn-a2wsgi"])
def test_proxy_can_remove_the_prefix_that_the_server_adds(name: str, static_environ: dict[str, str]) -> None:
    option = "--url-prefix=/prefix" if name == "waitress" else "--root-path=/prefix"
    with wsgi_server(name, static_environ, options=(option,)) as url:
        assert ask(int(url.rpartition(":")[2]), "/api/auth")[0] == 200


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    return create_app({**static_environ, "SECRET_KEY": SECRET_KEY})


def test_dispatcher_can_mount_the_service_below_a_prefix(app: Flask) -> None:
    client = Client(DispatcherMiddleware(Flask("other"), {"/prefix": app}))
    for path, status in {"/prefix/health/live": 200, "/prefix/%68ealth/live": 404, "/prefix//health/live": 404}.items():
        # The client reports a target without the prefix of `base_url`, a server reports the whole target.
        assert client.get("/", environ_overrides={"PATH_INFO": unquote(path), "RAW_URI": path}).status_code == status


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/files/a%40b%20%C3%A9%e9", 200),
        ("/files/a@b+(c)", 200),
        ("/files/%61", 404),
        ("/files/a/b", 200),
        ("/files/a%2Fb", 404),
        ("/files/a%", 404),
        ("/folder/", 200),
        ("/folder", 404),
    ],
)
def test_own_route_decodes_only_characters_that_need_encoding(app: Flask, target: str, status: int) -> None:
    app.add_url_rule("/files/<path:name>", "files", lambda name: name)
    app.add_url_rule("/folder/", "folder", str)
    environ = {"PATH_INFO": unquote(target, "latin-1"), "RAW_URI": target}
    response = app.test_client().get("/", environ_overrides=environ)
    assert (response.status_code, response.headers.get("Location")) == (status, None)
