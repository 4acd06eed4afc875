"""Every request has an id: in the answer's `X-Request-ID`, and in the log beside what went wrong."""

import secrets

from flask import Flask, Response, g


def init(app: Flask) -> None:
    @app.before_request
    def give() -> None:
        # Always our own: one from outside could be made to look like another request's.
        g.request_id = secrets.token_hex(8)

    @app.after_request
    def tell(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        return response
