"""The headers of every response, including errors and the responses of your own views.

`X-Request-ID` is the request id, which is also in the log line of each failure. With
`X-Content-Type-Options`, browsers do not guess another content type than that of the response.
"""

import secrets

from flask import Flask, Response, g, has_request_context

from audit.events import Member, read_request_members_with
from services.context import current_client_address


def init(app: Flask) -> None:
    read_request_members_with(_request_members)

    @app.before_request
    def assign_request_id() -> None:
        # An `X-Request-ID` from the client is ignored: a client could send the id of another request.
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _request_members() -> dict[str, Member]:
    """Return what audit events contain about the request: its id and address, and the ids of its access token."""
    if not has_request_context():
        return {}
    claims = g.get("claims", {})
    address = current_client_address()
    members = {"address": str(address) if address else None, "request_id": g.get("request_id")}
    return {**members, "jti": claims.get("jti"), "sid": claims.get("sid"), "client": claims.get("client_id")}
