"""The application of this service, with the process that created a response in a header."""

import os

from flask import Flask, Response

from app import create_app as create_service

HEADER = "X-Worker"


def create_app() -> Flask:
    """Return the service with the header HEADER in each response."""
    app = create_service()

    @app.after_request
    def name_worker(response: Response) -> Response:
        response.headers[HEADER] = str(os.getpid())
        return response

    return app
