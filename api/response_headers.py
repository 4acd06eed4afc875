"""The headers of every response, including errors and the responses of your own views.

`X-Request-ID` is the request id, which is also in the log lines of the request. With
`X-Content-Type-Options`, browsers do not guess another content type than that of the response.
"""

import re
import secrets

from flask import Flask, Response, g, has_request_context, request

from audit.events import Member, read_request_members_with
from services.context import current_client_address, is_from_trusted_proxy

_PROXY_REQUEST_ID = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*", re.ASCII)
"""W3C Trace Context §3.2."""


def init(app: Flask) -> None:
    read_request_members_with(_request_members)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Request-ID"] = request_id()
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def request_id() -> str:
    """Return the id of the current request.

    An `X-Request-ID` of the request is ignored: a client could send the id of another request. The log has that of a
    trusted proxy beside this one.
    """
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    known: str = g.request_id
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
