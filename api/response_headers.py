"""The headers of every response, including errors and the responses of your own views.

`X-Request-ID` is the request id, which is also in the log line of each failure. With
`X-Content-Type-Options`, browsers do not guess another content type than that of the response.
"""

import secrets

from flask import Flask, Response, g


def init(app: Flask) -> None:
    @app.before_request
    def assign_request_id() -> None:
        # An `X-Request-ID` from the client is ignored: a client could send the id of another request.
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
