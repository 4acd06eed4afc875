"""The application of docs/your-own-application.md with a WebSocket. Its workers wait for a request for 3 seconds."""

from flask import Flask

from app import create_app as create_service
from cli import gunicorn_worker
from tests.support.newcomer import block


def create_app() -> Flask:
    """Return the application. A worker calls this function before it waits for requests."""
    gunicorn_worker.REQUEST_SECONDS = 3.0
    app = create_service()
    exec(block("docs/your-own-application.md", "python", "Sock"), {"app": app, "__name__": __name__})  # noqa: S102
    return app
