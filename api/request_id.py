"""The request id, which is in the header `X-Request-ID` of each response and in the log line of each failure."""

import secrets

from flask import Flask, Response, g


def init(app: Flask) -> None:
    @app.before_request
    def assign_request_id() -> None:
        # An `X-Request-ID` from the client is ignored: a client could send the id of another request.
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def add_request_id(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        return response
