"""The headers of every response, including errors and the responses of your own views.

`X-Request-ID` is the request id, which is also in the log lines of the request. With
`X-Content-Type-Options`, browsers do not guess another content type than that of the response.
"""

import re
from random import Random
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, g, has_request_context, request

from audit.events import Member, read_request_members_with
from config.forks import reset_in_forks
from config.http_error import RESPONSE_ERROR, HttpError
from services.context import current_client_address, current_request, is_from_trusted_proxy

Headers = list[tuple[str, str]]

REQUEST_ID = "latchkey.request_id"
"""The key of the request id in the WSGI environment."""

# The operating system takes three times as long for random bytes, and an id is not a secret. Not the generator of the
# module `random`, which an application may seed: then all its workers would use the same ids.
_random = Random()  # noqa: S311
reset_in_forks(_random.seed)

_NO_SNIFF = ("X-Content-Type-Options", "nosniff")
_OWN_NAMES = frozenset({"x-request-id", "x-content-type-options"})

_PROXY_REQUEST_ID = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*", re.ASCII)
"""W3C Trace Context §3.2."""


def init(app: Flask) -> None:
    """Add the headers around the application: a function of `after_request` takes five times as long."""
    read_request_members_with(_request_members)
    serve = app.wsgi_app

    def serve_with_headers(environ: WSGIEnvironment, start_response: StartResponse) -> object:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            for name, _ in headers:
                if name.lower() in _OWN_NAMES:
                    headers = [header for header in headers if header[0].lower() not in _OWN_NAMES]
                    break
            complete = [*headers, ("X-Request-ID", _id_of(environ)), _NO_SNIFF]
            # Removed, because the traceback of the error refers to the environment: only the garbage collector would
            # free both.
            if error := environ.pop(RESPONSE_ERROR, None):
                complete += _missing_headers(error, status, headers)
            # Some middleware between the server and the application takes two arguments, as Flask passes.
            return start_response(status, complete) if exc_info is None else start_response(status, complete, exc_info)

        return serve(environ, start)

    app.wsgi_app = serve_with_headers  # type: ignore[method-assign, assignment]


def _missing_headers(error: HttpError, status: str, headers: Headers) -> Headers:
    """Return the headers of the error that its response lacks; none if the response is for something else."""
    if not status.startswith(str(error.code)):
        return []
    names = {name.lower() for name, _ in headers}
    return [header for header in error.own_headers() if header[0].lower() not in names]


def request_id() -> str:
    """Return the id of the current request.

    An `X-Request-ID` of the request is ignored: a client could send the id of another request. The log has that of a
    trusted proxy beside this one.
    """
    return _id_of(current_request().environ)


def _id_of(environ: WSGIEnvironment) -> str:
    if REQUEST_ID not in environ:
        environ[REQUEST_ID] = _random.getrandbits(64).to_bytes(8, "big").hex()
    known: str = environ[REQUEST_ID]
    return known


def _request_members() -> dict[str, Member]:
    """Return what audit events contain about the request: its id and address, and the ids of its access token."""
    if not has_request_context():
        return {}
    claims = g.get("claims", {})
    address = current_client_address()
    members = {"address": str(address) if address else None, "request_id": request_id(), **_ids_of_proxy()}
    return {**members, "jti": claims.get("jti"), "sid": claims.get("sid"), "client": claims.get("client_id")}


def _ids_of_proxy() -> dict[str, Member]:
    """Return the ids that the nearest trusted proxy has sent; none if a client may have sent them."""
    if not is_from_trusted_proxy():
        return {}
    request_ids = _PROXY_REQUEST_ID.fullmatch(request.headers.get("X-Request-ID", ""))
    trace = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return {"proxy_request_id": request_ids and request_ids[0], "trace_id": trace and trace[1]}
