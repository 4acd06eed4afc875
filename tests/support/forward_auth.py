"""Identity headers of forward authentication: documented configurations, forgeries, and what an application gets."""

import itertools
import json
import re
import socket
from collections.abc import Iterable
from typing import Any

import requests

from services.tokens.issuer import TokenIssuer
from tests.support.newcomer import block

PAGE = "docs/forward-auth.md"
NAMES = ("X-Auth-User", "X-Auth-Idp", "X-Auth-Email", "X-Auth-Roles")
FORGED_HEADERS = dict.fromkeys(NAMES, "root")
IDENTITY = {
    "HTTP_X_AUTH_USER": "zo%C3%A9",
    "HTTP_X_AUTH_IDP": "ldap",
    "HTTP_X_AUTH_EMAIL": "zoe@example.org",
    "HTTP_X_AUTH_ROLES": "admin",
}


def _spellings(name: str) -> list[str]:
    """Return the name with each combination of `-` and `_`."""
    x, auth, kind = name.split("-")
    return [f"{x}{first}{auth}{second}{kind}" for first, second in itertools.product("-_", repeat=2)]


FORGERIES: dict[str, list[str]] = {
    "same names": [f"{name}: root" for name in NAMES],
    "lower case": [f"{name.lower()}: root" for name in NAMES],
    "twice": [f"{name}: root" for name in NAMES * 2],
    "underscores": [f"{name}: root" for forged in NAMES for name in _spellings(forged)],
    "underscores in capitals": [f"{name}: root".upper() for forged in NAMES for name in _spellings(forged)],
    "underscores in lower case": [f"{name.lower()}: root" for forged in NAMES for name in _spellings(forged)],
    "empty": [f"{name}:" for forged in NAMES for name in _spellings(forged)],
}
REJECTABLE_FORGERIES: dict[str, list[str]] = {
    "spaces before the colon": [f"{name} : root" for forged in NAMES for name in _spellings(forged)],
    "after a line feed": [f"A: b\n{name}: root" for forged in NAMES for name in _spellings(forged)],
    "after a carriage return": [f"A: b\r{name}: root" for forged in NAMES for name in _spellings(forged)],
    "in a folded line": [f"A: b\r\n {name}: root" for forged in NAMES for name in _spellings(forged)],
    "removed as headers of the connection": [f"Connection: {', '.join(NAMES)}"],
    "removed with another case": [
        f"Connection: close, {NAMES[0].lower()}",
        f"Connection: {NAMES[1].upper()}, {NAMES[3]}",
    ],
}
"""Invalid requests, which a proxy or a server may reject."""


def configuration(proxy: str, service: str, application: int) -> tuple[str, dict[str, str]]:
    """Return the documented site of a proxy and the other files that it needs, with the addresses of this test."""
    language, part, lua = {
        "nginx": ("nginx", "auth_request /", ""),
        "traefik": ("yaml", "forwardAuth", ""),
        "haproxy": ("haproxy", "lua.latchkey", "core.register_action"),
        "apache": ("apache", "LuaHookAccessChecker", "socket.http"),
        "envoy": ("yaml", "ext_authz", ""),
    }.get(proxy, ("caddyfile", "forward_auth", ""))
    files = {"latchkey.lua": block(PAGE, "lua", lua)} if lua else {}
    if proxy == "envoy":  # a file of clusters has another form than the clusters in the configuration
        resource = 'resources:\n  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n    name:'
        files = {"clusters.yml": block(PAGE, "yaml", "clusters:").replace("clusters:\n  - name:", resource)}
    texts = {"site": block(PAGE, language, part).replace("/etc/apache2/", ""), **files}
    assert "127.0.0.1:5000/" in re.sub("5000[ ,]", "5000/", "".join(texts.values()))
    port = service.rpartition(":")[2]
    addresses = {
        "port_value: 5000": f"port_value: {port}",
        "127.0.0.1:5000": service.removeprefix("http://"),
        "127.0.0.1:9000": f"127.0.0.1:{application}",
    }
    for documented, used in addresses.items():
        texts = {name: text.replace(documented, used) for name, text in texts.items()}
    return texts.pop("site"), texts


def with_cookie(name: str, site: str) -> str:
    """Return the site of a proxy with the lines that the page adds for the cookie."""
    if name == "nginx":
        replaced = site.replace("Authorization $http_authorization", "Authorization $latchkey_authorization")
        return block(PAGE, "nginx", "$cookie_latchkey") + replaced
    line = "request_header -X_*\n"
    return site.replace(line, line + block(PAGE, "caddyfile", "cookie.latchkey"))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def admin(issuer: TokenIssuer, **changed: Any) -> dict[str, str]:
    """Return the header of a user with the role `admin`, which the page requires. A member that is None is left out."""
    user = {"username": "zoé", "idp": "ldap", "email": "zoe@example.org", "roles": ["admin"], **changed}
    return bearer(issuer.generate({name: value for name, value in user.items() if value is not None}))


def identity_headers(response: requests.Response) -> dict[str, str]:
    """Return the identity headers that reached the application, in any spelling, of which each occurs once."""
    assert response.status_code == 200, response.text
    received = [(name.title(), text) for name, text in response.json()["headers"]]
    identity = [(name, text) for name, text in received if "Auth" in name and name != "Authorization"]
    assert len(identity) == len(dict(identity))
    return dict(identity)


def ask(port: int, headers: Iterable[str]) -> tuple[int, dict[str, str]]:
    """Request a page with exactly these headers; return the status and the identity that the application received."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        lines = ["GET /page HTTP/1.1", "Host: app.example", *headers, "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).decode().partition("\r\n\r\n")
    status = int(head.split()[1])
    variables = json.loads(body[body.index("{") : body.rindex("}") + 1]) if status == 200 else {}
    return status, received_identity(variables)


def received_identity(variables: dict[str, str]) -> dict[str, str]:
    """Return the identity headers without those that are empty, which nginx does not forward."""
    return {name: text for name, text in variables.items() if name.startswith("HTTP_X_AUTH") and text}
