"""Cross-origin requests (the Fetch standard, "CORS protocol"): which web pages may call the service from a browser."""

import re
from collections.abc import Collection

from flask import Flask, Response

EXPOSED_HEADERS = ["ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"]
PREFLIGHT_MAX_AGE = 600  # seconds


def init(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins call all routes, and read the responses. Without origins, no page can.

    Pages send the access token in a header. Cookies are not allowed.
    """
    if origins:
        from flask_cors import CORS

        # flask-cors would take some texts, such as http://[::1]:3000, for regular expressions.
        exact = [re.compile(rf"{re.escape(origin)}\Z") for origin in origins]
        CORS(
            app,
            origins=exact,
            expose_headers=EXPOSED_HEADERS,
            max_age=PREFLIGHT_MAX_AGE,
            always_send=False,
            vary_header=False,
        )
        app.after_request(_vary_by_origin)


def _vary_by_origin(response: Response) -> Response:
    """Let no cache answer a page with a response without the headers that it needs.

    flask-cors marks only the responses with these headers. A cache that has stored another one first, such as the key
    set for a server, would send it to the page (the Fetch standard, "CORS protocol and HTTP caches").
    """
    response.vary.add("Origin")
    return response
