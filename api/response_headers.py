"""The headers of every response, including errors and the responses of your own views.

`X-Request-ID` is the request id, which is also in the log lines of the request. With
`X-Content-Type-Options`, browsers do not guess another content type than that of the response.
"""

import secrets

from flask import Flask, Response, g, has_request_context

from audit.events import Member, read_request_members_with
from services.context import current_client_address


def init(app: Flask) -> None:
    read_request_members_with(_request_members)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Request-ID"] = request_id()
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def request_id() -> str:
    """Return the id of the current request.

    An `X-Request-ID` from the client is ignored: a client could send the id of another request.
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
    members = {"address": str(address) if address else None, "request_id": request_id()}
    return {**members, "jti": claims.get("jti"), "sid": claims.get("sid"), "client": claims.get("client_id")}
