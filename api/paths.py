"""One spelling for each method and path: a request that spells those of an endpoint differently is not found.

The query must be UTF-8, so that a view can read its parameters.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Flask, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import RequestRedirect

from services.auth_guard import public


def init(target: Flask | Blueprint) -> None:
    """Reject other spellings in an application, or for the endpoints of one blueprint only."""
    if isinstance(target, Flask):
        # Set before the routes are added. `//api/auth` is not found, instead of a redirect to `/api/auth`.
        target.url_map.merge_slashes = False
    target.before_request(public(_require_plain_request))
    target.before_request(public(_require_utf8_query))


def _require_plain_request() -> None:
    """Reject other spellings of a method and path, so that a reverse proxy can limit requests by comparing both."""
    # A redirect to the path with or without a slash at its end repeats the client's Host header.
    is_redirect = isinstance(request.routing_exception, RequestRedirect)
    # Methods are case-sensitive (RFC 9110 §9.1), but werkzeug ignores their case.
    is_plain = request.environ["REQUEST_METHOD"] == request.method and has_plain_path(request.environ)
    if is_redirect or not is_plain:
        raise NotFound


def _require_utf8_query() -> None:
    """Reject a query that werkzeug cannot decode. It replaces octets that are percent-encoded."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        raise BadRequest("The query is not UTF-8") from None


def has_plain_path(environ: Mapping[str, Any]) -> bool:
    """Return whether the client spelled the path as the server decoded it, without another slash at its start.

    It did not if the target is absolute or has a fragment, if it encodes a slash or a character that needs no encoding
    (RFC 3986 §2.3), or if the server removed a segment or a slash. Some servers do not report the target; then only the
    slashes at the start are compared.
    """
    path, prefix = environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME", "")
    if not re.match("/(?!/)|$", path):
        return False  # werkzeug's routing ignores the number of slashes
    target = _request_target(environ)
    if target is None:
        return True
    # The target lacks the prefix of a mounted application if the proxy has removed it.
    return _encode(target.partition("?")[0], "/%") in {_encode(path, "/"), _encode(prefix + path, "/")}


def _request_target(environ: Mapping[str, Any]) -> str | None:
    """Return the target as the client sent it, or None if the server does not report it."""
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in environ:
            return str(environ[name])
    raw_path: bytes | None = environ.get("asgi.scope", {}).get("raw_path")
    return None if raw_path is None else raw_path.decode("latin-1")


def _encode(path: str, unencoded: str) -> str:
    """Percent-encode the bytes of a path (PEP 3333) except letters, digits, `_.-~` and the characters `unencoded`."""
    return re.sub("%..", lambda octet: octet[0].upper(), quote(path.encode("latin-1", "replace"), safe=unencoded))
