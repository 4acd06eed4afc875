"""One spelling for each method and path: a request that spells those of an endpoint differently is not found.

The query must be UTF-8, so that a view can read its parameters.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import RequestRedirect

from services.auth_guard import public
from services.context import current_request

_needs_no_encoding = re.compile(r"/(?!/)[A-Za-z0-9._~/-]*").fullmatch
"""A path of unreserved characters (RFC 3986 §2.3), which has only one slash at its start."""


def init(endpoints: Blueprint) -> None:
    """Reject other spellings for the endpoints of a blueprint only."""
    endpoints.before_request(public(_require_one_spelling))


def _require_one_spelling() -> None:
    current = current_request()
    require_no_redirect(current)
    require_plain_request(current.environ)


def require_no_redirect(request: Request) -> None:
    # A redirect to the path with or without a slash at its end repeats the client's Host header.
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound


def require_plain_request(environ: Mapping[str, Any]) -> None:
    """Reject other spellings of a method and path, so that a reverse proxy can limit requests by comparing both.

    Reject a query that werkzeug cannot decode. It replaces octets that are percent-encoded.
    """
    method = environ["REQUEST_METHOD"]
    # Methods are case-sensitive (RFC 9110 §9.1), but werkzeug ignores their case.
    if method != method.upper() or not has_plain_path(environ):
        raise NotFound
    if query := environ.get("QUERY_STRING"):
        try:
            query.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise BadRequest("The query is not UTF-8") from None


def has_plain_path(environ: Mapping[str, Any]) -> bool:
    """Return whether the client spelled the path as the server decoded it, without another slash at its start.

    It did not if the target is absolute or has a fragment, if it encodes NUL, a slash or a character that needs no
    encoding (RFC 3986 §2.3), or if the server removed a segment or a slash. Some servers do not report the target; then
    only NUL and the slashes at the start are refused.
    """
    path, target = environ.get("PATH_INFO", ""), _request_target(environ)
    if target is not None:
        target = target.partition("?")[0]
    if path == target and _needs_no_encoding(path):
        return True  # almost every request
    # Werkzeug's routing ignores the number of slashes. PostgreSQL refuses a parameter with NUL.
    if not re.match("/(?!/)|$", path) or "\0" in path:
        return False
    if target is None:
        return True
    # The target lacks the prefix of a mounted application if the proxy has removed it.
    prefix = environ.get("SCRIPT_NAME", "")
    return _encode(target, "/%") in {_encode(path, "/"), _encode(prefix + path, "/")}


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
